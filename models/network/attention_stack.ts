/**
 * Stacks of attention layers by themselves, over embeddings instead of tokens: what `Transformer` wraps.
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { type Fields, readFields } from "../config/fields.ts";
import { readTransformerConfig, type TransformerConfig } from "../config/transformer_config.ts";
import { contextMaskTensor, isTensor, maskField, type MaskInput, maskTensor, tensorField } from "../language/tokens.ts";
import { AttentionLayers, slopesOf, type SublayerKind } from "../layers/attention_layers.ts";
import { Rotary } from "../layers/rotary.ts";
import { Model, type ModelOptions } from "../model.ts";
import { Parameters } from "./parameters.ts";
import { blockOrder, checkContext } from "./transformer_net.ts";

/**
 * Options of a transformer that have to do with tokens.
 *
 * @category Models
 */
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

/**
 * Configuration of a stack: a transformer's, without what has to do with tokens.
 *
 * @category Models
 */
export type AttentionStackConfig = Omit<TransformerConfig, TokenOptions>;

/**
 * What a stack may be given beside embeddings.
 *
 * @category Models
 */
export interface StackOptions {
  /** Positions to keep: rows of booleans, or int32 [b, n]. */
  readonly mask?: MaskInput | undefined;
  /** What cross attention looks at: [b, m, contextDim]. */
  readonly context?: Tensor | undefined;
  /** Positions of the context to keep. */
  readonly contextMask?: MaskInput | undefined;
}

const fields: Fields<StackOptions> = { mask: maskField, context: tensorField, contextMask: maskField };

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
    const { context } = options;
    const attends = this.#layers.kinds.includes("crossAttention");
    if (attends !== (context !== undefined)) {
      throw new ConfigError(attends ? "Cannot run without a context: give one [b, m, contextDim]" : NO_CROSS_ATTENTION);
    }
    if (context) checkContext(this.config, context, b);
    return backend.scope(() => {
      const pass = {
        backend,
        rotary: this.#rotary?.tables(backend, [0], n),
        slopes: slopesOf(backend, this.config),
        mask: maskTensor(backend, options.mask, [b, n]),
        keyMask: undefined,
        context,
        contextMask: contextMaskTensor(backend, context, options.contextMask),
        cache: undefined,
      };
      return this.#layers.forward(pass, x);
    });
  }
}

const NO_CROSS_ATTENTION = "Cannot attend to a context: configure crossAttend, or leave the context out";

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

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Decoder> {
    const complete = readStackConfig("Decoder", config, "decoder");
    return await Model.initialize(new Decoder(complete, blockOrder(complete)), options);
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

  /** A stack with fresh values. @throws {ConfigError} for a configuration that can't work */
  static async create(config: Partial<AttentionStackConfig>, options: ModelOptions = {}): Promise<Encoder> {
    const complete = readStackConfig("Encoder", config, "encoder");
    return await Model.initialize(new Encoder(complete, blockOrder(complete)), options);
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
