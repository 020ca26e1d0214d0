/**
 * A text that is being continued for a request, and the tokens that were made for it so far.
 *
 * @module
 */

import type { Settings } from "../../models/generation/settings.ts";

/** A token and what the model thought of it. */
export interface ScoredToken {
  readonly token: number;
  /** Its log-probability; undefined for the first token of a prompt, which nothing predicts. */
  readonly logprob: number | undefined;
  /** The likeliest tokens in its place, the likeliest first. */
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}

/** What a request asks of a text. */
export interface TextRequest {
  /** Token ids, at least one. */
  readonly prompt: readonly number[];
  readonly settings: Settings;
  /** How many likeliest tokens are told beside each token; undefined: no log-probabilities are wanted. */
  readonly logprobs: number | undefined;
  /** Whether the tokens of the prompt are scored too. */
  readonly scoresPrompt: boolean;
  readonly signal: AbortSignal;
}

/** What happens to a text, in order. */
export type TextEvent =
  | { readonly kind: "prompt"; readonly scores: readonly ScoredToken[] }
  | { readonly kind: "token"; readonly token: number; readonly score: ScoredToken | undefined };

/** A text that is being continued. Its events are kept until they are taken: at most as many as its tokens. */
export class TextJob {
  readonly request: TextRequest;
  /** The prompt and what continues it. */
  readonly tokens: number[];
  /** Tokens of the prompt that needed no computing, because another text had begun with them. */
  sharedTokens = 0;
  /** Scores of the prompt's tokens so far. */
  readonly promptScores: ScoredToken[] = [];
  readonly #events: TextEvent[] = [];
  #isOver = false;
  #error: unknown;
  #wake = () => {};

  constructor(request: TextRequest) {
    this.request = request;
    this.tokens = [...request.prompt];
  }

  /** Tokens that were made. */
  get made(): number {
    return this.tokens.length - this.request.prompt.length;
  }

  /** Whether nothing more will happen. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Tells what has happened. */
  tell(event: TextEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  /** Adds a token to the text, which it may end. */
  add(token: number, score: ScoredToken | undefined): void {
    const { ends, maxNewTokens } = this.request.settings;
    this.tokens.push(token);
    this.tell({ kind: "token", token, score });
    if (ends.has(token) || this.made >= maxNewTokens) this.end();
  }

  /** Ends the text; the events that were told can still be taken. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }

  /**
   * What happens, as it happens.
   *
   * @throws What the text ended with.
   */
  async *events(): AsyncGenerator<TextEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event) yield event;
      else if (this.#isOver) break;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#error !== undefined) throw this.#error;
  }
}
