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
import { blockOrder, layersPlan } from "./transformer_architecture.ts";
import { layersNames } from "./transformer_names.ts";
import { contextFields, type ContextInput, placeContext } from "../language/context.ts";
import { isTensor, maskField, type MaskInput, maskTensor } from "../language/tokens.ts";
import { AttentionLayers } from "../layers/attention_layers.ts";
import { Model, type ModelOptions } from "../model.ts";
import type { SublayerKind } from "../network/architecture.ts";
import { Parameters } from "../network/parameters.ts";
import { naming } from "../weights/naming.ts";

/** What a stack may be given beside embeddings. */
export interface StackOptions extends ContextInput {
  /** Positions to keep: rows of booleans, or int32 [b, n]. */
  readonly mask?: MaskInput | undefined;
}

const fields: Fields<StackOptions> = { mask: maskField, ...contextFields };

/** A stack of attention and feed-forward layers. */
export abstract class AttentionStack extends Model {
  /** Every option, defaults filled in. */
  readonly config: AttentionStackConfig;
  readonly #layers: AttentionLayers;
  /** Width of the context that it attends to; undefined without cross attention. */
  readonly #contextDim: number | undefined;

  /**
   * A stack without memory yet.
   * @internal
   * @param isCausal whether a position sees none after it
   * @param order the sublayers of one block
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
   * @throws {ShapeError} unless x has the configured width
   * @throws {ConfigError} for a context that is missing or not attended to
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

/** Self attention that looks back only. */
export class Decoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "decoder";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Decoder> {
    return await Model.initialize(new Decoder(readStackConfig("Decoder", config), true), options);
  }
}

/** Self attention that looks both ways. */
export class Encoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "encoder";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Encoder> {
    return await Model.initialize(new Encoder(readStackConfig("Encoder", config), false), options);
  }
}

/** Attention to a context only. */
export class CrossAttender extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "cross_attender";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<CrossAttender> {
    const complete = readStackConfig("CrossAttender", { ...config, crossAttend: true });
    const order: SublayerKind[] = ["crossAttention", "feedForward"];
    return await Model.initialize(new CrossAttender(complete, false, order), options);
  }
}
