/**
 * The text of a completion, piece by piece, with the log-probabilities of its tokens.
 *
 * @module
 */

import type { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { ContinuedText, type FinishReason } from "../../models/generation/text/continued_text.ts";
import type { ScoredToken, TextEvent, TextJob } from "../scheduling/text_job.ts";
import type { TokenTexts } from "./token_texts.ts";

/** Log-probabilities in the interface's form: lists of one length. */
export interface Logprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  /** Where each token begins in the text. */
  readonly text_offset: number[];
}

/** A piece of a completion. */
export interface Piece {
  readonly text: string;
  readonly logprobs: Logprobs | null;
  /** Null unless it is the last piece. */
  readonly finishReason: FinishReason | null;
}

/** How a text is written. */
export interface CompletionTextOptions {
  readonly stops: readonly string[];
  /** The text of the prompt, if it comes first. */
  readonly echo: string | undefined;
  readonly hasLogprobs: boolean;
}

/** A token whose text is not certain yet. */
interface Waiting {
  readonly score: ScoredToken;
  readonly offset: number;
}

/** The pieces of one completion. */
export class CompletionText {
  readonly #job: TextJob;
  readonly #events: AsyncIterable<TextEvent>;
  readonly #options: CompletionTextOptions;
  readonly #texts: TokenTexts;
  readonly #continued: ContinuedText;
  /** Characters that were given out. */
  #given: number;
  readonly #waiting: Waiting[] = [];

  /**
   * @param job The text.
   * @param events What happens to it.
   */
  constructor(
    job: TextJob,
    events: AsyncIterable<TextEvent>,
    tokenizer: AndromedaTokenizer,
    texts: TokenTexts,
    options: CompletionTextOptions,
  ) {
    this.#job = job;
    this.#events = events;
    this.#options = options;
    this.#texts = texts;
    this.#continued = new ContinuedText(tokenizer, job.request.prompt, options.stops);
    this.#given = options.echo?.length ?? 0;
  }

  /**
   * The pieces as they are made; the last one has the reason of the end.
   *
   * @throws What the text ended with, if that was an error.
   */
  async *pieces(): AsyncGenerator<Piece> {
    const { scoresPrompt, settings } = this.#job.request;
    const { echo } = this.#options;
    // The prompt comes with the first token: a text that never has its turn is refused with a status of its own.
    let prompt = scoresPrompt ? undefined : echo;
    let reason: FinishReason = "length";
    for await (const event of this.#events) {
      if (prompt !== undefined) yield this.#piece(prompt, null);
      prompt = undefined;
      if (event.kind === "prompt") {
        this.#scorePrompt(event.scores);
        yield this.#piece(echo ?? "", null);
        continue;
      }
      const { token, score } = event;
      if (settings.ends.has(token)) {
        reason = "stop";
        break;
      }
      if (score) this.#waiting.push({ score, offset: (echo?.length ?? 0) + this.#continued.length });
      const text = this.#give(this.#continued.push(token));
      if (this.#continued.isStopped) {
        this.#job.end();
        return yield this.#piece(text, "stop");
      }
      if (text !== "") yield this.#piece(text, null);
    }
    if (prompt !== undefined) yield this.#piece(prompt, null);
    const rest = this.#give(this.#continued.end());
    yield this.#piece(rest, this.#continued.isStopped ? "stop" : reason);
  }

  /** Counts what is given out. */
  #give(text: string): string {
    this.#given += text.length;
    return text;
  }

  /** The tokens of the prompt, each at its place. */
  #scorePrompt(scores: readonly ScoredToken[]): void {
    let offset = 0;
    for (const score of scores) {
      this.#waiting.push({ score, offset });
      offset += this.#texts.textOf(score.token).length;
    }
  }

  #piece(text: string, finishReason: FinishReason | null): Piece {
    if (!this.#options.hasLogprobs) return { text, logprobs: null, finishReason };
    const certain = finishReason !== null && !this.#continued.isStopped
      ? this.#waiting.splice(0)
      : this.#waiting.splice(0, this.#waiting.findLastIndex(({ offset }) => offset < this.#given) + 1);
    return { text, logprobs: this.#logprobsOf(certain), finishReason };
  }

  #logprobsOf(waiting: readonly Waiting[]): Logprobs {
    const textOf = (token: number) => this.#texts.textOf(token);
    return {
      tokens: waiting.map(({ score }) => textOf(score.token)),
      token_logprobs: waiting.map(({ score }) => score.logprob ?? null),
      top_logprobs: waiting.map(({ score }) =>
        score.logprob === undefined
          ? null
          : Object.fromEntries(score.top.map(({ token, logprob }) => [textOf(token), logprob]))
      ),
      text_offset: waiting.map(({ offset }) => offset),
    };
  }
}
