/**
 * Multi-head attention.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { AttentionPlan } from "../network/architecture.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { constant, normal, xavier } from "../network/random.ts";
import { Linear } from "./linear.ts";
import type { Pass } from "./pass.ts";

/** Whether queries look at their own sequence or at a context. */
export type AttentionKind = "self" | "cross";

/**
 * Attention; parameters `q`, `k`, `v` and `out`, `qGain` and `kGain` of the QK norm, `memoryKeys`, `memoryValues`,
 * `headScale`, `valueGate` and `headGate`, as its plan has them.
 */
export class Attention {
  readonly #kind: AttentionKind;
  readonly #plan: AttentionPlan;
  readonly #toQ: Linear;
  readonly #toK: Linear;
  readonly #toV: Linear;
  readonly #toOut: Linear | undefined;
  readonly #qGain: Parameter | undefined;
  readonly #kGain: Parameter | undefined;
  readonly #memoryKeys: Parameter | undefined;
  readonly #memoryValues: Parameter | undefined;
  readonly #headScale: Parameter | undefined;
  readonly #headGate: Linear | undefined;
  readonly #valueGate: Linear | undefined;

  /** @param dim Width of its input and output. */
  constructor(parameters: Parameters, plan: AttentionPlan, kind: AttentionKind, dim: number) {
    const { heads, kvHeads, dimHead, sourceDim = dim, memoryKeys = 0, valueGate, output } = plan;
    this.#kind = kind;
    this.#plan = plan;
    const gain = plan.qkNorm?.gain;
    if (gain) {
      const shape = (count: number) => gain.isShared ? [dimHead] : [count, 1, dimHead];
      this.#qGain = parameters.values("qGain", shape(heads), constant(gain.fresh));
      this.#kGain = parameters.values("kGain", shape(kvHeads), constant(gain.fresh));
    }
    if (memoryKeys > 0) {
      this.#memoryKeys = parameters.values("memoryKeys", [kvHeads, memoryKeys, dimHead], normal(1));
      this.#memoryValues = parameters.values("memoryValues", [kvHeads, memoryKeys, dimHead], normal(1));
    }
    if (plan.hasHeadScale) this.#headScale = parameters.values("headScale", [1, heads, 1, 1], constant(1));
    const project = (name: string, inSize: number, outSize: number, bias: boolean, gain: number | undefined) =>
      new Linear(parameters.in(name), inSize, outSize, { bias, initialize: xavier(gain, inSize, outSize) });
    const [qSize, kvSize] = [heads * dimHead, kvHeads * dimHead];
    const { hasQkvBias, xavierGain } = plan;
    const qkGain = xavierGain === undefined ? undefined : 1;
    this.#toQ = project("q", dim, qSize, hasQkvBias, qkGain);
    this.#toK = project("k", sourceDim, kvSize, hasQkvBias, qkGain);
    this.#toV = project("v", sourceDim, kvSize, hasQkvBias, xavierGain);
    const gate = (name: string, outSize: number, bias: boolean) =>
      new Linear(parameters.in(name), dim, outSize, {
        bias,
        initialize: constant(0),
        initializeBias: constant(plan.freshGateBias ?? 0),
      });
    if (valueGate) this.#valueGate = gate("valueGate", qSize, valueGate.hasBias);
    if (plan.hasHeadGate) this.#headGate = gate("headGate", heads, true);
    if (output) this.#toOut = project("out", qSize, dim, output.hasBias, xavierGain);
  }

  /**
   * x (b, n, dim) to the same shape.
   *
   * @param layer Index of the sublayer, which names its place in the cache.
   */
  forward(pass: Pass, x: Tensor, layer: number): Tensor {
    const { backend } = pass;
    // Products of x follow one another, and so do rotated keys and their place in the cache: an engine may join them.
    const projected = this.#toQ.forward(backend, x);
    const { keys, values } = this.#kind === "self" ? this.#selfKeys(pass, x, layer) : this.#crossKeys(pass, layer);
    const q = this.#rotate(pass, this.#normalize(backend, projected, "query"));
    let out = this.#attend(pass, q, keys, values); // (b, n, heads · dimHead)
    if (this.#headScale) out = backend.multiply(out, backend.reshape(this.#headScale.value, [this.#plan.heads]));
    if (this.#headGate) out = backend.multiply(out, this.#headGate.forward(backend, x), { activation: "sigmoid" });
    if (this.#valueGate) {
      const activation = this.#plan.valueGate?.activation;
      out = backend.multiply(out, this.#valueGate.forward(backend, x), { activation });
    }
    const made = this.#toOut?.forward(backend, out) ?? out; // (b, n, dim)
    return pass.mask ? backend.maskRows(made, pass.mask) : made;
  }

  /** Keys and values of the sequence itself, (b, m, kvHeads · dimHead) or the cache that they were added to. */
  #selfKeys(pass: Pass, x: Tensor, layer: number): { keys: Tensor; values: Tensor } {
    const { backend, cache } = pass;
    const { rotary: plan, kvHeads: heads } = this.#plan;
    const tables = plan && pass.rotary.get(plan);
    const k = this.#toK.forward(backend, x);
    let v = this.#toV.forward(backend, x);
    if (tables && plan.rotatesValues) v = backend.rotary(v, tables.key, { heads, pairs: plan.pairs });
    const normed = this.#normalize(backend, k, "key");
    const keys = tables ? backend.rotary(normed, tables.key, { heads, pairs: plan.pairs }) : normed;
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
    const keys = this.#normalize(backend, this.#toK.forward(backend, context), "key");
    const made = { keys, values: this.#toV.forward(backend, context) };
    keep(made);
    return made;
  }

  #normalize(backend: Backend, x: Tensor, of: "query" | "key"): Tensor {
    const { qkNorm, heads, kvHeads } = this.#plan;
    if (!qkNorm) return x;
    const [groups, gain] = of === "query" ? [heads, this.#qGain] : [kvHeads, this.#kGain];
    const { factor } = qkNorm;
    return backend.l2Norm(x, { groups, gain: qkNorm.gain?.isApplied ? gain?.value : undefined, factor });
  }

  #rotate({ backend, rotary }: Pass, q: Tensor): Tensor {
    const { rotary: plan, heads } = this.#plan;
    const tables = plan && rotary.get(plan);
    return tables ? backend.rotary(q, tables.query, { heads, pairs: plan.pairs }) : q;
  }

  #attend(pass: Pass, q: Tensor, keys: Tensor, values: Tensor): Tensor {
    const { backend, cache } = pass;
    const { heads, kvHeads, scale, isCausal, rotary, slopes, keepsScores } = this.#plan;
    const isSelf = this.#kind === "self";
    const options = {
      heads,
      kvHeads,
      scale,
      causal: isCausal,
      positions: isSelf ? cache?.positions : undefined,
      slopes: slopes && pass.slopes.get(slopes),
      mask: isSelf ? pass.keyMask ?? pass.mask : pass.contextMask,
      memoryKeys: this.#normalizedMemoryKeys(backend),
      memoryValues: this.#memoryValues?.value,
      decay: rotary && pass.rotary.get(rotary)?.decay,
    };
    if (!keepsScores) return backend.attention(q, keys, values, options);
    const scores = backend.attentionScores(q, keys, options); // (b, heads, n, memory + m)
    return backend.attentionValues(backend.softmax(scores), values, options);
  }

  /** Memory keys (kvHeads, memory, dimHead) under the QK norm. */
  #normalizedMemoryKeys(backend: Backend): Tensor | undefined {
    const keys = this.#memoryKeys?.value;
    const { qkNorm, kvHeads, memoryKeys = 0 } = this.#plan;
    if (!keys || !qkNorm) return keys;
    const normalized = backend.l2Norm(keys);
    if (!this.#kGain) return normalized;
    const headOfRow = Int32Array.from({ length: kvHeads * memoryKeys }, (_, row) => Math.floor(row / memoryKeys));
    const gains = backend.gatherRows(this.#kGain.value, backend.tensor(headOfRow, [headOfRow.length]));
    return backend.multiply(normalized, backend.reshape(gains, keys.shape));
  }
}
