/**
 * A text that grows in several turns over one cache.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { camelCase } from "../config/case.ts";
import { checkOptions } from "../config/fields.ts";
import { decode } from "./decoding/decode.ts";
import type { SamplingOptions, SessionOptions } from "./options.ts";
import { Context } from "./sequences/context.ts";
import { checkFits, type Overflow } from "./sequences/overflow.ts";
import { emptyPrompt, type HostPromptsInput, readRows } from "./sequences/prompts.ts";
import { SequenceBatch } from "./sequences/sequence_batch.ts";
import { NOT_IN_A_TURN, readSessionSettings, readSettings } from "./settings.ts";
import type { TextModel } from "./text_model.ts";

/**
 * A text that grows by tokens that are appended and tokens that are generated. Keys and values of all but the newest
 * tokens are kept, so that a turn costs only its own tokens. They are computed again where a model can't keep them, or
 * where a rewind goes back further than the cache can.
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer } from "../../mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare");
 * const session = model.session().append(tokenizer.encode("ROMEO:"));
 * for await (const _token of session.generate({ maxNewTokens: 12 }));
 * const other = session.fork(); // goes on from here in its own way
 * for await (const _token of other.append(tokenizer.encode("\nJULIET:")).generate({ maxNewTokens: 12 }));
 * console.log(tokenizer.decode(other.tokens));
 * for (const each of [session, other, model]) each.dispose();
 * ```
 *
 * @category Generation
 */
export class Session {
  readonly #model: TextModel;
  readonly #overflow: Overflow;
  readonly #batch: SequenceBatch;
  #isGenerating = false;

  private constructor(model: TextModel, overflow: Overflow, batch: SequenceBatch) {
    this.#model = model;
    this.#overflow = overflow;
    this.#batch = batch;
  }

  /**
   * Begins a session; see `GenerativeModel.session`.
   *
   * @param encode Makes the context, where a model makes its own.
   */
  static begin(model: TextModel, options: SessionOptions = {}, encode?: () => Tensor): Session {
    const settings = readSessionSettings(model, options, encode);
    const { overflow, cacheDtype } = settings;
    const batch = new SequenceBatch(model, [[]], {
      overflow,
      cacheDtype,
      capacity: model.net.maxSeqLen,
      context: Context.create(model, 1, settings, false),
      isKept: true,
    });
    return new Session(model, overflow, batch);
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
   * @throws {ConfigError} For an id outside the vocabulary.
   * @throws {ShapeError} For several texts, or with overflow "stop", where the text would become longer than the model
   * can take.
   */
  append(tokens: HostPromptsInput): this {
    this.#checkIdle("append to");
    const [added = [], ...others] = readRows(tokens, this.#model.net.numTokens);
    if (others.length > 0) {
      throw new ShapeError(`Cannot append ${others.length + 1} texts at once: append one after the other`);
    }
    checkFits(this.length + added.length, this.#batch.maxSeqLen, this.#overflow);
    for (const token of added) this.#row.push(token);
    return this;
  }

  /**
   * Continues the text; each token belongs to it when it is given out.
   *
   * @throws {ShapeError} For a text without tokens.
   * @throws {ConfigError} For options that can't work, or while another turn of this session is not over.
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
      yield* decode(this.#batch, settings);
    } catch (error) {
      // A failed step may have left anything in the cache.
      if (!settings.signal?.aborted) this.#batch.dropCache();
      throw error;
    } finally {
      this.#isGenerating = false;
    }
  }

  /**
   * Goes back to the first `length` tokens.
   *
   * @throws {ConfigError} For a length beyond the text's.
   */
  rewind(length: number): this {
    this.#checkIdle("rewind");
    if (!(Number.isInteger(length) && length >= 0 && length <= this.length)) {
      throw new ConfigError(
        `Cannot rewind to length = ${show(length)}: it must be a whole number from 0 to ${this.length}`,
      );
    }
    this.#batch.truncate(0, length);
    return this;
  }

  /** Another session that goes on from here; both must be disposed. */
  fork(): Session {
    this.#checkIdle("fork");
    return new Session(this.#model, this.#overflow, this.#batch.fork());
  }

  /** Frees the cache. A second call does nothing. */
  dispose(): void {
    this.#batch.dispose();
  }

  /** The same as `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  get #row(): number[] {
    return this.#batch.rows[0] ?? [];
  }

  #checkIdle(action: string): void {
    if (!this.#isGenerating) return;
    throw new ConfigError(`Cannot ${action} a session while it generates: finish or return the generator first`);
  }
}
