/**
 * A transformer with every option, as x-transformers' and zeta's `Transformer` around a `Decoder` or an `Encoder`.
 *
 * @module
 */

import { loadDefaults, readTransformerConfig } from "../config/transformer_config.ts";
import type { TransformerConfig } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import { LanguageModel } from "../language/language_model.ts";
import { Model, type ModelOptions } from "../model.ts";
import { Parameters } from "../network/parameters.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { naming } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";
import { transformerArchitecture } from "./transformer_architecture.ts";
import { transformerNames } from "./transformer_names.ts";

/**
 * A transformer over tokens, decoder or encoder.
 *
 * @example
 * ```ts
 * import { Transformer } from "../../mod.ts";
 *
 * // TransformerWrapper(num_tokens=256, max_seq_len=64, attn_layers=Encoder(dim=64, depth=2, rotary_pos_emb=True))
 * const encoder = await Transformer.create({
 *   reference: "x-transformers",
 *   numTokens: 256,
 *   maxSeqLen: 64,
 *   dim: 64,
 *   depth: 2,
 *   attnLayers: "encoder",
 *   rotaryPosEmb: true,
 * });
 * const mask = [[true, true, true], [true, true, false]];
 * const embeddings = encoder.forward([[1, 2, 3], [4, 5, 0]], { mask, returnEmbeddings: true });
 * console.log(embeddings.shape); // [ 2, 3, 64 ]
 * embeddings.dispose();
 * encoder.dispose();
 * ```
 *
 * @category Models
 */
export class Transformer extends LanguageModel {
  /** The class, as `model_type` names it. */
  readonly modelType = "transformer";
  /** The configuration, defaults filled in. */
  readonly config: TransformerConfig;

  private constructor(config: TransformerConfig) {
    super(new Parameters(naming(transformerNames(config))), transformerArchitecture(config));
    this.config = config;
  }

  /**
   * A model with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   * @throws {OutOfMemoryError} Where the parameters don't fit.
   */
  static async create(config: Partial<TransformerConfig>, options: ModelOptions = {}): Promise<Transformer> {
    return await Model.initialize(new Transformer(readTransformerConfig("Transformer", config)), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
   */
  static async load(source: ModelSource, options: ModelOptions = {}): Promise<Transformer> {
    return await Transformer.open(await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open(checkpoint: Checkpoint, options: ModelOptions = {}): Promise<Transformer> {
    const { weights } = checkpoint;
    const config = checkpointConfig(checkpoint);
    const read = () => readTransformerConfig("Transformer", config, loadDefaults(config), weights.tensors);
    return await Model.fill(() => new Transformer(read()), checkpoint, options);
  }
}
