/**
 * Stacks of attention layers by themselves, over embeddings instead of tokens: what `Transformer` wraps.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ShapeError } from "../../errors.ts";
import { type Fields, readFields } from "../config/fields.ts";
import { readStackConfig } from "../config/transformer_config.ts";
import type { AttentionStackConfig } from "../config/transformer_options.ts";
import { contextFields, type ContextInput, placeContext } from "../language/context.ts";
import { isTensor, maskField, type MaskInput, maskTensor } from "../language/tokens.ts";
import { AttentionLayers } from "../layers/attention_layers.ts";
import { Model, type ModelOptions } from "../model.ts";
import type { SublayerKind } from "../network/architecture.ts";
import { Parameters } from "../network/parameters.ts";
import { naming } from "../weights/naming.ts";
import { blockOrder, layersPlan } from "./transformer_architecture.ts";
import { layersNames } from "./transformer_names.ts";

/**
 * What a stack may be given beside embeddings.
 *
 * @category Models
 */
export interface StackOptions extends ContextInput {
  /** Positions to keep: rows of booleans, or int32 [b, n]. */
  readonly mask?: MaskInput | undefined;
}

const fields: Fields<StackOptions> = { mask: maskField, ...contextFields };

/**
 * A stack of attention and feed-forward layers.
 *
 * @example
 * ```ts
 * import { type AttentionStack, Decoder, Encoder } from "../../mod.ts";
 *
 * const stacks: AttentionStack[] = [
 *   await Decoder.create({ dim: 64, depth: 2, heads: 2 }),
 *   await Encoder.create({ dim: 64, depth: 2, heads: 2, rotaryPosEmb: true }),
 * ];
 * for (const stack of stacks) {
 *   const x = stack.backend.zeros([1, 5, 64], "f32");
 *   const hidden = stack.forward(x);
 *   console.log(stack.modelType, hidden.shape);
 *   for (const tensor of [x, hidden]) tensor.dispose();
 *   stack.dispose();
 * }
 * ```
 *
 * @category Models
 */
export abstract class AttentionStack extends Model {
  /** Every option, defaults filled in. */
  readonly config: AttentionStackConfig;
  readonly #layers: AttentionLayers;
  /** Width of the context that it attends to; undefined without cross attention. */
  readonly #contextDim: number | undefined;

  /**
   * A stack without memory yet.
   * @internal
   * @param isCausal Whether a position sees none after it.
   * @param order The sublayers of one block.
   */
  protected constructor(
    config: AttentionStackConfig,
    isCausal: boolean,
    order: readonly SublayerKind[] = blockOrder(config),
  ) {
    const parameters = new Parameters(naming(layersNames(config, order)));
    super(parameters);
    this.config = config;
    this.#contextDim = order.includes("crossAttention") ? config.contextDim ?? config.dim : undefined;
    this.#layers = new AttentionLayers(parameters, layersPlan(config, isCausal, order));
  }

  /**
   * Embeddings x [b, n, dim] to hidden states of the same shape, after the final norm.
   *
   * @throws {ShapeError} Unless x has the configured width.
   * @throws {ConfigError} For a context that is missing or not attended to.
   */
  forward(x: Tensor, given: StackOptions = {}): Tensor {
    const { backend } = this;
    const options = readFields<StackOptions>("forward", fields, given);
    if (!isTensor(x)) throw new ShapeError(`Cannot run on ${show(x)}: give a tensor of embeddings [b, n, dim]`);
    const [b = 0, n = 0, dim] = x.shape;
    if (x.shape.length !== 3 || dim !== this.config.dim) {
      throw new ShapeError(`Cannot run on embeddings of shape [${x.shape}]: expected [b, n, ${this.config.dim}]`);
    }
    return backend.scope(() => {
      const mask = maskTensor(backend, options.mask, [b, n]);
      return this.#layers.forward({ backend, mask, ...placeContext(backend, this.#contextDim, b, options) }, x);
    });
  }
}

/**
 * Self attention that looks back only.
 *
 * @example
 * ```ts
 * import { Decoder } from "../../mod.ts";
 *
 * const decoder = await Decoder.create({ dim: 64, depth: 2, heads: 2, rotaryPosEmb: true });
 * const x = decoder.backend.tensor(new Float32Array(5 * 64).fill(0.5), [1, 5, 64]);
 * const hidden = decoder.forward(x);
 * console.log(hidden.shape); // [ 1, 5, 64 ]
 * for (const each of [x, hidden, decoder]) each.dispose();
 * ```
 *
 * @category Models
 */
export class Decoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "decoder";

  /**
   * A stack with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Decoder> {
    return await Model.initialize(new Decoder(readStackConfig("Decoder", config), true), options);
  }
}

/**
 * Self attention that looks both ways.
 *
 * @example
 * ```ts
 * import { Encoder } from "../../mod.ts";
 *
 * const encoder = await Encoder.create({ dim: 64, depth: 2, heads: 2 });
 * const x = encoder.backend.tensor(new Float32Array(2 * 3 * 64).fill(0.5), [2, 3, 64]);
 * const hidden = encoder.forward(x, { mask: [[true, true, true], [true, true, false]] });
 * console.log(hidden.shape); // [ 2, 3, 64 ]
 * for (const each of [x, hidden, encoder]) each.dispose();
 * ```
 *
 * @category Models
 */
export class Encoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "encoder";

  /**
   * A stack with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Encoder> {
    return await Model.initialize(new Encoder(readStackConfig("Encoder", config), false), options);
  }
}

/**
 * Attention to a context only.
 *
 * @example
 * ```ts
 * import { CrossAttender } from "../../mod.ts";
 *
 * const attender = await CrossAttender.create({ dim: 64, depth: 2, heads: 2 });
 * const queries = attender.backend.tensor(new Float32Array(4 * 64).fill(0.5), [1, 4, 64]);
 * const context = attender.backend.tensor(new Float32Array(9 * 64).fill(0.1), [1, 9, 64]);
 * const hidden = attender.forward(queries, { context });
 * console.log(hidden.shape); // [ 1, 4, 64 ]
 * for (const each of [queries, context, hidden, attender]) each.dispose();
 * ```
 *
 * @category Models
 */
export class CrossAttender extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "cross_attender";

  /**
   * A stack with fresh values.
   *
   * @throws {ConfigError} For a configuration that can't work.
   */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<CrossAttender> {
    const complete = readStackConfig("CrossAttender", { ...config, crossAttend: true });
    const order: SublayerKind[] = ["crossAttention", "feedForward"];
    return await Model.initialize(new CrossAttender(complete, false, order), options);
  }
}
