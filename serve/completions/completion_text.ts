/**
 * The text of a completion, piece by piece, with the log-probabilities of its tokens.
 *
 * @module
 */

import { StopStrings } from "../../data/text/stop_strings.ts";
import type { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { TokenizerError } from "../../errors.ts";
import type { TokenDecoder } from "../../data/text/tokenizer_options.ts";
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

/** Why a text has ended. */
export type FinishReason = "stop" | "length";

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
  readonly #decoder: TokenDecoder;
  readonly #stops: StopStrings;
  /** Characters that were decoded, and characters that were given out. */
  #decoded = 0;
  #given = 0;
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
    this.#decoder = tokenizer.decoder({ skipSpecialTokens: true });
    this.#stops = new StopStrings(options.stops);
  }

  /**
   * The pieces as they are made; the last one has the reason of the end.
   *
   * @throws What the text ended with, if that was an error.
   */
  async *pieces(): AsyncGenerator<Piece> {
    const { prompt, settings } = this.#job.request;
    const { echo } = this.#options;
    for (const id of prompt) this.#decoder.push(id);
    if (echo !== undefined) {
      this.#decoded = this.#given = echo.length;
      if (!this.#job.request.scoresPrompt) yield this.#piece(echo, null);
    }
    let reason: FinishReason = "length";
    for await (const event of this.#events) {
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
      const text = this.#take(this.#decode(token), score);
      if (this.#stops.isFound) {
        this.#job.end();
        return yield this.#piece(text, "stop");
      }
      if (text !== "") yield this.#piece(text, null);
    }
    const rest = this.#take(this.#decoder.end(), undefined);
    const held = this.#stops.isFound ? "" : this.#stops.end();
    this.#given += held.length;
    yield this.#piece(rest + held, this.#stops.isFound ? "stop" : reason);
  }

  /** The text of the next token, nothing where it has none: a model may have more tokens than its tokenizer. */
  #decode(token: number): string {
    try {
      return this.#decoder.push(token);
    } catch (error) {
      if (error instanceof TokenizerError) return "";
      throw error;
    }
  }

  /** Takes decoded text, and gives what is certain to be in the completion. */
  #take(decoded: string, score: ScoredToken | undefined): string {
    if (score) this.#waiting.push({ score, offset: this.#decoded });
    this.#decoded += decoded.length;
    const text = this.#stops.push(decoded);
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
    const certain = finishReason !== null && !this.#stops.isFound
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
