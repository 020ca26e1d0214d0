/**
 * Stacks of attention layers by themselves, over embeddings instead of tokens: what `Transformer` wraps.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ShapeError } from "../../errors.ts";
import { type Fields, readFields } from "../config/fields.ts";
import { readTransformerConfig, type TransformerConfig } from "../config/transformer_config.ts";
import { contextFields, type ContextInput, placeContext } from "../language/context.ts";
import { isTensor, maskField, type MaskInput, maskTensor } from "../language/tokens.ts";
import { AttentionLayers, slopesOf, type SublayerKind } from "../layers/attention_layers.ts";
import { Rotary } from "../layers/rotary.ts";
import { Model, type ModelOptions } from "../model.ts";
import { Parameters } from "./parameters.ts";
import { blockOrder } from "./transformer_net.ts";

/** Options of a transformer that have to do with tokens. */
export type TokenOptions =
  | "numTokens"
  | "maxSeqLen"
  | "embDim"
  | "useAbsPosEmb"
  | "l2normEmbed"
  | "postEmbNorm"
  | "tieEmbedding"
  | "numMemoryTokens"
  | "embDropout"
  | "attnLayers";

/** Configuration of a stack: a transformer's, without what has to do with tokens. */
export type AttentionStackConfig = Omit<TransformerConfig, TokenOptions>;

/** What a stack may be given beside embeddings. */
export interface StackOptions extends ContextInput {
  /** Positions to keep: rows of booleans, or int32 [b, n]. */
  readonly mask?: MaskInput | undefined;
}

const fields: Fields<StackOptions> = { mask: maskField, ...contextFields };

/** A stack of attention and feed-forward layers. */
export abstract class AttentionStack extends Model {
  /** Every option, defaults filled in. */
  readonly config: TransformerConfig;
  readonly #layers: AttentionLayers;
  readonly #rotary: Rotary | undefined;

  /**
   * A stack without memory yet.
   * @internal
   * @param order the sublayers of one block
   */
  protected constructor(config: TransformerConfig, order: readonly SublayerKind[]) {
    const parameters = new Parameters();
    super(parameters);
    this.config = config;
    if (Rotary.isUsedBy(config)) this.#rotary = new Rotary(parameters.in("rotary_pos_emb"), config);
    this.#layers = new AttentionLayers(parameters, config, order);
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
    const attends = this.#layers.kinds.includes("crossAttention");
    const contextDim = attends ? this.config.contextDim ?? this.config.dim : undefined;
    return backend.scope(() => {
      const pass = {
        backend,
        rotary: this.#rotary?.tables(backend, [0], n),
        slopes: slopesOf(backend, this.config),
        mask: maskTensor(backend, options.mask, [b, n]),
        keyMask: undefined,
        ...placeContext(backend, contextDim, b, options),
        cache: undefined,
      };
      return this.#layers.forward(pass, x);
    });
  }
}

/** Self attention that looks back only. */
export class Decoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "decoder";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Decoder> {
    const complete = readStackConfig("Decoder", config, "decoder");
    return await Model.initialize(new Decoder(complete, blockOrder(complete)), options);
  }
}

/** Self attention that looks both ways. */
export class Encoder extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "encoder";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Encoder> {
    const complete = readStackConfig("Encoder", config, "encoder");
    return await Model.initialize(new Encoder(complete, blockOrder(complete)), options);
  }
}

/** Attention to a context only. */
export class CrossAttender extends AttentionStack {
  /** The class's name in a configuration. */
  readonly modelType = "cross_attender";

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<CrossAttender> {
    const complete = readStackConfig("CrossAttender", { ...config, crossAttend: true }, "encoder");
    return await Model.initialize(new CrossAttender(complete, ["crossAttention", "feedForward"]), options);
  }
}

function readStackConfig(
  what: string,
  given: Partial<AttentionStackConfig>,
  attnLayers: TransformerConfig["attnLayers"],
): TransformerConfig {
  return readTransformerConfig(what, { ...given, attnLayers, numTokens: 1, maxSeqLen: 1, useAbsPosEmb: false });
}
