/**
 * GPT4: Andromeda's architecture with one key/value head.
 *
 * @module
 */

import { loadDefaults, readTransformerConfig } from "../config/transformer_config.ts";
import type { TransformerConfig } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import type { TensorShapes } from "../config/x_transformers/versions.ts";
import { LanguageModel } from "../language/language_model.ts";
import { Model, type ModelOptions } from "../model.ts";
import { Parameters } from "../network/parameters.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { naming } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";
import { andromedaDefaults } from "./andromeda.ts";
import { transformerArchitecture } from "./transformer_architecture.ts";
import { transformerNames } from "./transformer_names.ts";

/**
 * Configuration of GPT4: a transformer's, with the documented defaults.
 *
 * @category Models
 */
export type GPT4Config = TransformerConfig;

/**
 * zeta's GPT4.
 *
 * @example
 * ```ts
 * import { GPT4 } from "../../mod.ts";
 *
 * const model = await GPT4.create({
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   dim: 64,
 *   depth: 2,
 *   heads: 4,
 *   dimHead: 32,
 *   alibiNumHeads: 2,
 * });
 * const loss = model.loss([[1, 2, 3, 4], [5, 6, 7, 8]]);
 * const [nats = NaN] = await loss.data();
 * console.log(nats > 0); // true
 * loss.dispose();
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class GPT4 extends LanguageModel {
  /** The class, as `model_type` names it. */
  readonly modelType = "gpt4";
  /** The configuration, defaults filled in. */
  readonly config: GPT4Config;

  private constructor(config: GPT4Config) {
    super(new Parameters(naming(transformerNames(config))), transformerArchitecture(config));
    this.config = config;
  }

  /**
   * A model with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   * @throws {OutOfMemoryError} Where the parameters don't fit.
   */
  static async create(config: Partial<GPT4Config> = {}, options: ModelOptions = {}): Promise<GPT4> {
    return await Model.initialize(new GPT4(GPT4.#read(config)), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
   */
  static async load(source: ModelSource, options: ModelOptions = {}): Promise<GPT4> {
    return await GPT4.open(await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open(checkpoint: Checkpoint, options: ModelOptions = {}): Promise<GPT4> {
    const { weights } = checkpoint;
    const config = checkpointConfig(checkpoint);
    const read = () => GPT4.#read(config, loadDefaults(config), weights.tensors);
    return await Model.fill(() => new GPT4(read()), checkpoint, options);
  }

  static #read(given: object, defaults: Partial<GPT4Config> = {}, tensors?: TensorShapes): GPT4Config {
    const own = { ...andromedaDefaults, attnKvHeads: undefined, attnOneKvHead: true };
    return readTransformerConfig("GPT4", given, { ...own, ...defaults }, tensors);
  }
}
