/**
 * What model families in Hugging Face's form have in common: a family is its configuration, the architecture that
 * follows from it, and names.
 *
 * @module
 */

import { snakeCase } from "../config/case.ts";
import type { TensorShapes } from "../config/x_transformers/versions.ts";
import { LanguageModel } from "../language/language_model.ts";
import { Model, type ModelOptions } from "../model.ts";
import type { Architecture } from "../network/architecture.ts";
import { Parameters } from "../network/parameters.ts";
import { type Checkpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { naming, type NamingRules } from "../weights/naming.ts";
import type { ModelSource } from "../weights/source.ts";

/** A family of decoders. */
export interface Family<C extends object> {
  /** What `model_type` in `config.json` says. */
  readonly modelType: string;
  /** The class in transformers, as `architectures` names it. */
  readonly className: string;
  /**
   * Reads and checks a configuration.
   *
   * @param tensors The checkpoint's, if it belongs to one.
   */
  read(given: object, tensors?: TensorShapes): C;
  /** What a model of this configuration computes. */
  architecture(config: C): Architecture;
  /** What its checkpoints call things. */
  names(config: C): NamingRules;
}

/** A class of models of a family. */
interface FamilyClass<C extends object, M extends FamilyModel<C>> {
  readonly family: Family<C>;
  new (config: C, given: object): M;
}

/**
 * A language model of a family in Hugging Face's form.
 *
 * @typeParam C Its configuration.
 *
 * @example
 * ```ts
 * import { FamilyModel, GPT2 } from "../../mod.ts";
 *
 * const model = await GPT2.create({ vocabSize: 256, nPositions: 64, nEmbd: 32, nLayer: 2, nHead: 4 });
 * console.log(model instanceof FamilyModel, model.modelType, model.config.nEmbd);
 * model.dispose();
 * ```
 *
 * @category Models
 */
export abstract class FamilyModel<C extends object> extends LanguageModel {
  /** The class, as `model_type` names it. */
  readonly modelType: string;
  /** The configuration, defaults filled in. */
  readonly config: C;
  readonly #className: string;
  /** The configuration as it was given, which may say more. */
  readonly #given: object;

  /**
   * A model without memory yet.
   * @internal
   */
  protected constructor(family: Family<C>, config: C, given: object) {
    super(new Parameters(naming(family.names(config))), family.architecture(config));
    this.modelType = family.modelType;
    this.config = config;
    this.#className = family.className;
    this.#given = given;
  }

  /**
   * A model with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   * @throws {OutOfMemoryError} Where the parameters don't fit.
   */
  static async create<C extends object, M extends FamilyModel<C>>(
    this: FamilyClass<C, M>,
    config: Partial<C> = {},
    options: ModelOptions = {},
  ): Promise<M> {
    return await Model.initialize(new this(this.family.read(config), config), options);
  }

  /**
   * A model from a checkpoint.
   *
   * @throws {WeightsError} Where it can't be read or does not fit its configuration.
   */
  static async load<C extends object, M extends FamilyModel<C>>(
    this: FamilyClass<C, M>,
    source: ModelSource,
    options: ModelOptions = {},
  ): Promise<M> {
    return await FamilyModel.#open(this, await openCheckpoint(source, options), options);
  }

  /** As `load`, from a checkpoint that is open; it is closed when this ends. */
  static async open<C extends object, M extends FamilyModel<C>>(
    this: FamilyClass<C, M>,
    checkpoint: Checkpoint,
    options: ModelOptions = {},
  ): Promise<M> {
    return await FamilyModel.#open(this, checkpoint, options);
  }

  static async #open<C extends object, M extends FamilyModel<C>>(
    made: FamilyClass<C, M>,
    checkpoint: Checkpoint,
    options: ModelOptions,
  ): Promise<M> {
    const { config, weights } = checkpoint;
    return await Model.fill(() => new made(made.family.read(config, weights.tensors), config), checkpoint, options);
  }

  /** What transformers reads, and whatever else the configuration said. */
  protected override get savedConfig(): Record<string, unknown> {
    const given = Object.entries(this.#given).map(([name, value]) => [snakeCase(name), value]);
    const { dtype: _, torch_dtype: __, transformers_version: ___, ...kept } = Object.fromEntries(given);
    return { ...kept, architectures: [this.#className], ...super.savedConfig };
  }
}
