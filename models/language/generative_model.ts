/**
 * What every model does whose network predicts the next token: generation, in all of its forms.
 *
 * @module
 */

import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { generate, generateBatch } from "../generation/generate.ts";
import type { GenerateOptions, SessionOptions } from "../generation/options.ts";
import type { PromptInput, PromptsInput } from "../generation/sequences/prompts.ts";
import { disposeResources } from "../generation/sequences/resources.ts";
import { Session } from "../generation/session.ts";
import type { SequenceCache, SequenceNetwork, TextModel } from "../generation/text_model.ts";
import { warmUp } from "../generation/warm_up.ts";
import { Model } from "../model.ts";
import type { ContextInput } from "./context.ts";

/**
 * Options of a model as generation takes them.
 *
 * @category Models
 */
export interface ReadOptions {
  /** The options, without those that `encode` was made of. */
  readonly options: GenerateOptions;
  /** Makes the context [b, m, contextDim] in the current scope, where a model makes its own. */
  readonly encode?: (() => Tensor) | undefined;
}

/**
 * A model that continues texts, with a network of any kind.
 *
 * @typeParam Cache What the network keeps of the tokens that it has seen.
 * @typeParam Context The options that say what texts look at.
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer, type GenerativeModel } from "../../mod.ts";
 *
 * async function likeliest(model: GenerativeModel, prompt: number[]): Promise<number[]> {
 *   return await Array.fromAsync(model.generate(prompt, { maxNewTokens: 12, temperature: 0 }));
 * }
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare");
 * console.log(tokenizer.decode(await likeliest(model, tokenizer.encode("ROMEO:"))));
 * model.dispose();
 * ```
 *
 * @category Models
 */
export abstract class GenerativeModel<
  Cache extends SequenceCache = SequenceCache,
  Context extends object = ContextInput,
> extends Model implements TextModel {
  /**
   * The network.
   * @internal
   */
  abstract readonly net: SequenceNetwork<Cache>;

  /**
   * Continues a prompt: gives token ids as they are made. Leaving the loop ends it and frees what it holds.
   *
   * A prompt longer than `maxSeqLen` is cut to its last tokens. The token that ends the text, an eos or stop token, is
   * given too.
   *
   * @param prompt Token ids, at least one.
   * @throws {ConfigError} For options that can't work and ids that there are not, before anything runs.
   * @throws {WeightsError} Where the logits are no numbers: it names the first layer whose values are not finite.
   * @throws {DisposedError} Once the model was disposed.
   * @throws {ShapeError} For an empty prompt, or with overflow "stop" one that is too long.
   * @throws If the signal's reason once it is aborted.
   */
  generate(prompt: PromptInput, options?: GenerateOptions<Context>): AsyncGenerator<number> {
    const { options: read, encode } = this.readOptions("generate", options);
    return generate(this, prompt, read, encode);
  }

  /**
   * Continues several prompts of any lengths at once.
   *
   * @param prompts Rows of token ids, or a tokenizer's batch padded on either side.
   * @returns The new tokens of each; when greedy, those that `generate` gives for it.
   * @throws As `generate`.
   */
  async generateBatch(prompts: PromptsInput, options?: GenerateOptions<Context>): Promise<number[][]> {
    const { options: read, encode } = this.readOptions("generate", options);
    return await generateBatch(this, prompts, read, encode);
  }

  /** A text that is continued in several turns over one cache; the caller disposes of it. */
  session(options?: SessionOptions<Context>): Session {
    const { options: read, encode } = this.readOptions("session", options);
    return Session.begin(this, read, encode);
  }

  /** Gets ready for the first token of `generate` with these options: on a GPU, compiles the kernels that it takes. */
  async warmUp(options?: GenerateOptions<Context>): Promise<void> {
    await warmUp(this, this.readOptions("warmUp", options).options);
  }

  /**
   * A cache for `batch` rows of this model; the caller disposes of it.
   *
   * @param dtype How keys and values are kept: see `SequenceOptions.cacheDtype`.
   */
  createCache(batch = 1, capacity: number = this.net.maxSeqLen, dtype?: CacheFormat): Cache {
    return this.net.createCache(this.backend, batch, capacity, dtype);
  }

  /** Frees the parameters, and what generations and sessions hold: they can't go on. A second call does nothing. */
  override dispose(): void {
    disposeResources(this);
    super.dispose();
  }

  /**
   * Options as generation takes them. A model whose texts look at something else than a context overrides this.
   *
   * @param what They are options of, for messages.
   */
  protected readOptions(_what: string, given: object = {}): ReadOptions {
    return { options: given };
  }
}
