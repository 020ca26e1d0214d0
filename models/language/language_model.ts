/**
 * What every text model does: logits, loss, generation.
 *
 * @module
 */

import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { generate } from "../generation/generate.ts";
import { generateBatch } from "../generation/generate_batch.ts";
import { disposeHoldings } from "../generation/holdings.ts";
import type { GenerateOptions } from "../generation/options.ts";
import type { PromptInput, PromptsInput } from "../generation/prompts.ts";
import { Session, type SessionOptions } from "../generation/session.ts";
import { warmUp } from "../generation/warm_up.ts";
import { Model } from "../model.ts";
import type { Architecture } from "../network/architecture.ts";
import type { KvCache } from "../network/kv_cache.ts";
import type { Parameters } from "../network/parameters.ts";
import { TransformerNet } from "../network/transformer_net.ts";
import { type ForwardOptions, LanguageHead, type LossOptions } from "./language_head.ts";
import type { TokensInput } from "./tokens.ts";

/** A transformer over tokens. */
export abstract class LanguageModel extends Model {
  /**
   * The network.
   * @internal
   */
  readonly net: TransformerNet;
  readonly #head: LanguageHead;

  /**
   * Declares the network of a class.
   * @internal
   * @param parameters where it declares its own
   */
  protected constructor(parameters: Parameters, architecture: Architecture) {
    super(parameters);
    this.net = new TransformerNet(parameters, architecture);
    this.#head = new LanguageHead(this.net);
  }

  /**
   * Logits of the next token at each position.
   *
   * @param tokens one row, several rows, a tokenizer's batch, or an int32 tensor [b, n]
   * @returns [b, n, numTokens], or fewer positions as asked; the caller disposes of it
   * @throws {ShapeError} for rows of different lengths, no tokens or more than maxSeqLen
   * @throws {ConfigError} for an id outside the vocabulary
   * @throws {OutOfMemoryError} where the logits would not fit: ask for fewer `positions`
   */
  forward(tokens: TokensInput, options: ForwardOptions = {}): Tensor {
    return this.#head.forward(this.backend, tokens, options);
  }

  /**
   * Mean cross entropy, in nats, of predicting tokens[1:] from tokens[:-1].
   *
   * @returns a scalar; the caller disposes of it
   * @throws as `forward`; {ShapeError} for rows of a single token
   */
  loss(tokens: TokensInput, options: LossOptions = {}): Tensor {
    return this.#head.loss(this.backend, tokens, options);
  }

  /**
   * Continues a prompt: gives token ids as they are made. Leaving the loop ends it and frees what it holds.
   *
   * A prompt longer than `maxSeqLen` is cut to its last tokens. The token that ends the text, an eos or stop token, is
   * given too.
   *
   * @param prompt token ids, at least one
   * @throws {ConfigError} for options that can't work and ids that there are not, before anything runs
   * @throws {WeightsError} where the logits are no numbers: it names the first layer whose values are not finite
   * @throws {DisposedError} once the model was disposed
   * @throws {ShapeError} for an empty prompt, or with overflow "stop" one that is too long
   * @throws the signal's reason once it is aborted
   */
  generate(prompt: PromptInput, options: GenerateOptions = {}): AsyncGenerator<number> {
    return generate(this, prompt, options);
  }

  /**
   * Continues several prompts of any lengths at once.
   *
   * @param prompts rows of token ids, or a tokenizer's batch padded on either side
   * @returns the new tokens of each; when greedy, those that `generate` gives for it
   * @throws as `generate`
   */
  generateBatch(prompts: PromptsInput, options: GenerateOptions = {}): Promise<number[][]> {
    return generateBatch(this, prompts, options);
  }

  /** A text that is continued in several turns over one cache; the caller disposes of it. */
  session(options: SessionOptions = {}): Session {
    return Session.begin(this, options);
  }

  /** Gets ready for the first token of `generate` with these options: on a GPU, compiles the kernels that it takes. */
  warmUp(options: GenerateOptions = {}): Promise<void> {
    return warmUp(this, options);
  }

  /** Frees the parameters, and what generations and sessions hold: they can't go on. A second call does nothing. */
  override dispose(): void {
    disposeHoldings(this);
    super.dispose();
  }

  /**
   * A cache for `batch` rows of this model; the caller disposes of it.
   *
   * @param dtype how keys and values are kept: see `GenerateOptions.cacheDtype`
   */
  createCache(batch = 1, capacity: number = this.net.maxSeqLen, dtype?: CacheFormat): KvCache {
    return this.net.createCache(this.backend, batch, capacity, dtype);
  }
}
