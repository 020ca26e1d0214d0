/**
 * Multi-head attention with everything that the references add to it.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { kvHeadsOf, type TransformerConfig } from "../config/transformer_config.ts";
import {
  freshQkNormScale,
  hasGateBias,
  hasOutputProjection,
  type QkNorm,
  qkNormOf,
} from "../config/x_transformers/versions.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { constant, normal } from "../network/random.ts";
import { deepnormInitializer } from "./deepnorm.ts";
import { Linear } from "./linear.ts";
import type { Pass } from "./pass.ts";

/** Whether queries look at their own sequence or at a context. */
export type AttentionKind = "self" | "cross";

/** Attention; parameters as in the references: `to_q`, `to_k`, `to_v`, `to_out`, `qk_norm_*_scale`, `mem_k`, ... */
export class Attention {
  readonly #kind: AttentionKind;
  readonly #config: TransformerConfig;
  readonly #kvHeads: number;
  readonly #toQ: Linear;
  readonly #toK: Linear;
  readonly #toV: Linear;
  /** Absent where one head is as wide as the model. */
  readonly #toOut: Linear | undefined;
  /** Absent where queries and keys stay as they are. */
  readonly #qkNorm: QkNorm | undefined;
  readonly #qScale: Parameter | undefined;
  readonly #kScale: Parameter | undefined;
  readonly #memoryKeys: Parameter | undefined;
  readonly #memoryValues: Parameter | undefined;
  readonly #headScale: Parameter | undefined;
  readonly #headGate: Linear | undefined;
  readonly #valueGate: Linear | undefined;

  constructor(parameters: Parameters, config: TransformerConfig, kind: AttentionKind) {
    const { dim, heads, dimHead, reference } = config;
    this.#kind = kind;
    this.#config = config;
    this.#kvHeads = kvHeadsOf(config);
    const isZeta = reference === "zeta";
    const contextDim = kind === "cross" ? config.contextDim ?? dim : dim;
    const [qSize, kvSize] = [heads * dimHead, this.#kvHeads * dimHead];
    const project = (name: string, inSize: number, outSize: number) =>
      new Linear(parameters.in(name), inSize, outSize, {
        bias: false,
        initialize: deepnormInitializer(config, name, inSize, outSize),
      });
    if (config.qkNorm && config.attnQkNorm) this.#qkNorm = qkNormOf(config);
    if (this.#qkNorm && config.attnQkNormDimScale) {
      const shape = (count: number) => isZeta ? [dimHead] : [count, 1, dimHead];
      const fresh = constant(freshQkNormScale(config));
      this.#qScale = parameters.values("qk_norm_q_scale", shape(heads), fresh);
      this.#kScale = parameters.values("qk_norm_k_scale", shape(this.#kvHeads), fresh);
    }
    if (config.attnNumMemKv > 0) {
      const shape = [this.#kvHeads, config.attnNumMemKv, dimHead];
      this.#memoryKeys = parameters.values("mem_k", shape, normal(1));
      this.#memoryValues = parameters.values("mem_v", shape, normal(1));
    }
    if (config.attnHeadScale) this.#headScale = parameters.values("head_scale_params", [1, heads, 1, 1], constant(1));
    this.#toQ = project("to_q", dim, qSize);
    this.#toK = project("to_k", contextDim, kvSize);
    this.#toV = project("to_v", contextDim, kvSize);
    const gate = (name: string, outSize: number, bias = true) =>
      new Linear(parameters.in(name), dim, outSize, {
        bias,
        initialize: constant(0),
        initializeBias: constant(isZeta ? 1 : 10),
      });
    if (config.attnGateValues) this.#valueGate = gate("to_v_gate", qSize, hasGateBias(config));
    if (config.attnGateValueHeads) this.#headGate = gate("to_v_head_gate", heads);
    if (hasOutputProjection(config)) this.#toOut = project("to_out", qSize, dim);
  }

  /**
   * x (b, n, dim) to the same shape.
   *
   * @param layer index of the sublayer, which names its place in the cache
   */
  forward(pass: Pass, x: Tensor, layer: number): Tensor {
    const { backend } = pass;
    const { heads } = this.#config;
    const q = this.#rotate(pass, this.#normalize(backend, this.#toQ.forward(backend, x), heads, this.#qScale), heads);
    const { keys, values } = this.#kind === "self" ? this.#selfKeys(pass, x, layer) : this.#crossKeys(pass, layer);
    let out = this.#attend(pass, q, keys, values); // (b, n, heads · dimHead)
    if (this.#headScale) out = backend.multiply(out, backend.reshape(this.#headScale.value, [heads]));
    if (this.#headGate) out = backend.multiply(out, this.#headGate.forward(backend, x), { activation: "sigmoid" });
    if (this.#valueGate) {
      const activation = this.#config.attnSwigluValues ? "silu" : "sigmoid";
      out = backend.multiply(out, this.#valueGate.forward(backend, x), { activation });
    }
    const projected = this.#toOut?.forward(backend, out) ?? out; // (b, n, dim)
    return pass.mask ? backend.maskRows(projected, pass.mask) : projected;
  }

  /** Keys and values of the sequence itself, (b, m, kvHeads · dimHead) or the cache that they were added to. */
  #selfKeys(pass: Pass, x: Tensor, layer: number): { keys: Tensor; values: Tensor } {
    const { backend, rotary, cache } = pass;
    const k = this.#normalize(backend, this.#toK.forward(backend, x), this.#kvHeads, this.#kScale);
    let v = this.#toV.forward(backend, x);
    const rotation = { heads: this.#kvHeads, pairs: rotary?.pairs ?? "adjacent" };
    const keys = rotary ? backend.rotary(k, rotary.key, rotation) : k;
    if (rotary?.rotatesValues) v = backend.rotary(v, rotary.key, rotation);
    if (!cache) return { keys, values: v };
    const kept = cache.selfAttention(layer);
    backend.appendCache(kept.keys, keys, cache.positions, cache.lengths);
    backend.appendCache(kept.values, v, cache.positions, cache.lengths);
    return kept;
  }

  /** Keys and values of the context, made once for a cache. */
  #crossKeys(pass: Pass, layer: number): { keys: Tensor; values: Tensor } {
    const { backend, cache } = pass;
    return cache?.crossAttention(layer) ?? this.#contextKeys(backend, pass.context, (made) => cache?.keep(layer, made));
  }

  #contextKeys(
    backend: Backend,
    context: Tensor | undefined,
    keep: (made: { keys: Tensor; values: Tensor }) => void,
  ): { keys: Tensor; values: Tensor } {
    if (!context) throw new TypeError("Cannot attend to a context that is absent");
    const keys = this.#normalize(backend, this.#toK.forward(backend, context), this.#kvHeads, this.#kScale);
    const made = { keys, values: this.#toV.forward(backend, context) };
    keep(made);
    return made;
  }

  #normalize(backend: Backend, x: Tensor, groups: number, scale: Parameter | undefined): Tensor {
    if (!this.#qkNorm) return x;
    const { factor, isLearned } = this.#qkNorm;
    return backend.l2Norm(x, { groups, gain: isLearned ? scale?.value : undefined, factor });
  }

  #rotate({ backend, rotary }: Pass, q: Tensor, heads: number): Tensor {
    return rotary && this.#kind === "self" ? backend.rotary(q, rotary.query, { heads, pairs: rotary.pairs }) : q;
  }

  #attend(pass: Pass, q: Tensor, keys: Tensor, values: Tensor): Tensor {
    const { backend, rotary, cache } = pass;
    const isSelf = this.#kind === "self";
    const options = {
      heads: this.#config.heads,
      kvHeads: this.#kvHeads,
      scale: this.#qkNorm?.scale ?? this.#config.dimHead ** -0.5,
      causal: isSelf && this.#config.attnLayers === "decoder",
      positions: isSelf ? cache?.positions : undefined,
      slopes: isSelf ? pass.slopes : undefined,
      mask: isSelf ? pass.keyMask ?? pass.mask : pass.contextMask,
      memoryKeys: this.#normalizedMemoryKeys(backend),
      memoryValues: this.#memoryValues?.value,
      decay: isSelf ? rotary?.decay : undefined,
    };
    if (this.#config.attnFlash) return backend.attention(q, keys, values, options);
    const scores = backend.attentionScores(q, keys, options); // (b, heads, n, memory + m)
    return backend.attentionValues(backend.softmax(scores), values, options);
  }

  /** Memory keys (kvHeads, memory, dimHead) under the QK norm. */
  #normalizedMemoryKeys(backend: Backend): Tensor | undefined {
    const keys = this.#memoryKeys?.value;
    if (!keys || !this.#qkNorm) return keys;
    const normalized = backend.l2Norm(keys);
    if (!this.#kScale) return normalized;
    const memory = this.#config.attnNumMemKv;
    const headOfRow = Int32Array.from({ length: this.#kvHeads * memory }, (_, row) => Math.floor(row / memory));
    const scales = backend.gatherRows(this.#kScale.value, backend.tensor(headOfRow, [headOfRow.length]));
    return backend.multiply(normalized, backend.reshape(scales, keys.shape));
  }
}
