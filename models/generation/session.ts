/**
 * Several turns over one text and one cache.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { camelCase } from "../config/case.ts";
import { checkOptions } from "../config/fields.ts";
import { Context } from "./context.ts";
import { checkFits, continueText } from "./generate.ts";
import { readSessionSettings, readSettings, type SamplingOptions, type SessionOptions } from "./options.ts";
import type { Overflow } from "./overflow.ts";
import { emptyPrompt, type HostPromptsInput, readRows } from "./prompts.ts";
import type { TextModel } from "./text_model.ts";
import { Texts } from "./texts.ts";

export type { SessionOptions } from "./options.ts";

/** Options that hold for a whole session, and those that need texts beside its own. */
const NOT_IN_A_TURN = ["overflow", "cacheDtype", "context", "contextMask", "guidanceScale", "negativePrompt"];

/**
 * A text that grows by what is appended and what is generated. Keys and values of all but the newest tokens are kept,
 * so that a turn costs only its own tokens. Where a model can't keep them, or a rewind goes back further than it
 * remembers, they are computed again.
 */
export class Session {
  readonly #model: TextModel;
  readonly #overflow: Overflow;
  readonly #texts: Texts;
  #isGenerating = false;

  private constructor(model: TextModel, overflow: Overflow, texts: Texts) {
    this.#model = model;
    this.#overflow = overflow;
    this.#texts = texts;
  }

  /**
   * Begins a session; see `LanguageModel.session`.
   *
   * @param encode makes the context, of an image
   */
  static begin(model: TextModel, options: SessionOptions = {}, encode?: () => Tensor): Session {
    const { overflow, cacheDtype, ...context } = readSessionSettings(model, options);
    const texts = new Texts(model, [[]], {
      overflow,
      cacheDtype,
      capacity: model.net.maxSeqLen,
      context: Context.create(model, 1, context, false, encode),
      isKept: true,
    });
    return new Session(model, overflow, texts);
  }

  /** Number of tokens. */
  get length(): number {
    return this.#row.length;
  }

  /** The tokens, appended and generated ones. */
  get tokens(): number[] {
    return [...this.#row];
  }

  /**
   * Adds tokens; they are computed with the next turn.
   *
   * @throws {ConfigError} for an id outside the vocabulary
   * @throws {ShapeError} for several texts, or with overflow "stop", where the text would become longer than the model can take
   */
  append(tokens: HostPromptsInput): this {
    this.#checkIdle("append to");
    const [added = [], ...others] = readRows(tokens, this.#model.net.numTokens);
    if (others.length > 0) {
      throw new ShapeError(`Cannot append ${others.length + 1} texts at once: append one after the other`);
    }
    if (this.#overflow === "stop") checkFits(this.length + added.length, this.#texts.maxSeqLen);
    for (const token of added) this.#row.push(token);
    return this;
  }

  /**
   * Continues the text; each token belongs to it when it is given out.
   *
   * @throws {ShapeError} for a text without tokens
   * @throws {ConfigError} for options that can't work, or while another turn of this session is not over
   */
  async *generate(options: SamplingOptions = {}): AsyncGenerator<number> {
    const names = Object.keys(checkOptions("generate", options)).map(camelCase);
    const misplaced = names.find((name) => NOT_IN_A_TURN.includes(name));
    if (misplaced) {
      throw new ConfigError(`Cannot use ${misplaced} in a turn of a session: give it to session(), or use generate()`);
    }
    const settings = readSettings(this.#model, { ...options, overflow: this.#overflow });
    this.#checkIdle("generate in");
    if (this.length === 0) throw emptyPrompt();
    this.#isGenerating = true;
    try {
      yield* continueText(this.#texts, settings);
    } catch (error) {
      // What a failed step left in the cache is not known.
      if (!settings.signal?.aborted) this.#texts.forget();
      throw error;
    } finally {
      this.#isGenerating = false;
    }
  }

  /**
   * Goes back to the first `length` tokens.
   *
   * @throws {ConfigError} for a length beyond the text's
   */
  rewind(length: number): this {
    this.#checkIdle("rewind");
    if (!(Number.isInteger(length) && length >= 0 && length <= this.length)) {
      throw new ConfigError(
        `Cannot rewind to length = ${show(length)}: it must be a whole number from 0 to ${this.length}`,
      );
    }
    this.#texts.truncate(0, length);
    return this;
  }

  /** Another session that goes on from here; both must be disposed. */
  fork(): Session {
    this.#checkIdle("fork");
    return new Session(this.#model, this.#overflow, this.#texts.fork());
  }

  /** Frees the cache. A second call does nothing. */
  dispose(): void {
    this.#texts.dispose();
  }

  /** The same as `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  get #row(): number[] {
    return this.#texts.rows[0] ?? [];
  }

  #checkIdle(action: string): void {
    if (!this.#isGenerating) return;
    throw new ConfigError(`Cannot ${action} a session while it generates: finish or return the generator first`);
  }
}
