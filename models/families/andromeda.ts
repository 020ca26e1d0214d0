/**
 * Andromeda: a decoder with ALiBi on half of its heads, xPos rotary positions, grouped queries and normalized queries
 * and keys.
 *
 * @module
 */

import { loadDefaults, readTransformerConfig } from "../config/transformer_config.ts";
import type { TransformerConfig } from "../config/transformer_options.ts";
import { checkpointConfig } from "../config/x_transformers/checkpoint_config.ts";
import type { TensorShapes } from "../config/x_transformers/versions.ts";
import { LanguageModel } from "../language/language_model.ts";
import { Model, type ModelOptions } from "../model.ts";
import { AndromedaEmbedding, type EmbeddingProvider } from "../network/embedding_provider.ts";
import { Parameters } from "../network/parameters.ts";
import { Random } from "../../common/random.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { naming } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";
import { transformerArchitecture } from "./transformer_architecture.ts";
import { transformerNames } from "./transformer_names.ts";

/**
 * Configuration of Andromeda: a transformer's, with the documented defaults.
 *
 * @category Models
 */
export type AndromedaConfig = TransformerConfig;

/**
 * What `Andromeda.create` takes: any part of the configuration, and who makes the token table.
 *
 * @category Models
 */
export type AndromedaOptions = Partial<AndromedaConfig> & { readonly embeddingProvider?: EmbeddingProvider };

/** Andromeda's documented defaults. */
export const andromedaDefaults: Partial<TransformerConfig> = {
  numTokens: 50432,
  maxSeqLen: 8192,
  dim: 2560,
  depth: 32,
  dimHead: 128,
  heads: 24,
  useAbsPosEmb: false,
  alibiPosBias: true,
  alibiNumHeads: 12,
  rotaryXpos: true,
  attnFlash: true,
  attnKvHeads: 2,
  qkNorm: true,
  attnQkNorm: true,
  attnQkNormDimScale: true,
};

/**
 * The Andromeda language model (github.com/kyegomez/Andromeda).
 *
 * @example
 * ```ts
 * import { Andromeda, AndromedaTokenizer } from "../../mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const model = await Andromeda.load("examples/shakespeare", { dtype: "q8_0" });
 * const prompt = tokenizer.encode("My gracious");
 * const tokens = await Array.fromAsync(model.generate(prompt, { maxNewTokens: 1, temperature: 0 }));
 * console.log(tokenizer.decode(tokens).trim()); // lord
 * model.dispose();
 * ```
 *
 * @category Models
 */
export class Andromeda extends LanguageModel {
  /** The class, as `model_type` names it. */
  readonly modelType = "andromeda";
  /** The configuration, defaults filled in. */
  readonly config: AndromedaConfig;

  private constructor(config: AndromedaConfig) {
    super(new Parameters(naming(transformerNames(config))), transformerArchitecture(config));
    this.config = config;
  }

  /**
   * A model with fresh values; without a configuration it has 2.5 billion parameters.
   *
   * @param config Documented parameters, the older form's among them; `embeddingProvider` makes the token table.
   * @throws {ConfigError} For a configuration that can't work.
   * @throws {OutOfMemoryError} Where the parameters don't fit.
   */
  static async create(config: AndromedaOptions = {}, options: ModelOptions = {}): Promise<Andromeda> {
    const { embeddingProvider = new AndromedaEmbedding(), ...given } = config;
    const model = new Andromeda(Andromeda.#read(given));
    const { numTokens, embDim, dim } = model.config;
    const random = () => new Random(options.seed ?? 0, "embeddingProvider");
    const table = () => embeddingProvider.createTable(numTokens, embDim ?? dim, random());
    return await Model.initialize(model, options, new Map([[model.net.tokenTable, table]]));
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
   */
  static async load(source: ModelSource, options: ModelOptions = {}): Promise<Andromeda> {
    return await Andromeda.open(await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open(checkpoint: Checkpoint, options: ModelOptions = {}): Promise<Andromeda> {
    const { weights } = checkpoint;
    const config = checkpointConfig(checkpoint);
    const read = () => Andromeda.#read(config, loadDefaults(config), weights.tensors);
    return await Model.fill(() => new Andromeda(read()), checkpoint, options);
  }

  /** `attnOneKvHead`, of the older form, stands in place of `attnKvHeads`. */
  static #read(given: object, defaults: Partial<AndromedaConfig> = {}, tensors?: TensorShapes): AndromedaConfig {
    const isOneHead = Object.entries(given).some(([name, value]) =>
      (name === "attnOneKvHead" || name === "attn_one_kv_head") && value === true
    );
    const { attnKvHeads, ...rest } = { ...andromedaDefaults, ...defaults };
    const complete = isOneHead ? rest : { ...rest, ...(attnKvHeads && { attnKvHeads }) };
    return readTransformerConfig("Andromeda", given, complete, tensors);
  }
}
