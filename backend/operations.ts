/**
 * The operations that a transformer needs, with their options. b: batch, n and m: sequence lengths, d: width of a head.
 *
 * @module
 */

import type { Tensor } from "./memory.ts";

/**
 * Elementwise functions that fuse into `linear` and `glu`. GELU is the exact one (erf), `geluTanh` its approximation
 * x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), `reluSquared` is relu(x)².
 */
export type Activation = typeof ACTIVATIONS[number];

/** Every activation. */
export const ACTIVATIONS = ["gelu", "geluTanh", "silu", "relu", "reluSquared", "sigmoid"] as const;

/** Options of `Backend.linear`. */
export interface LinearOptions {
  /** Added to every row: [out]. */
  readonly bias?: Tensor | undefined;
  /** Applied after the bias. */
  readonly activation?: Activation | undefined;
}

/** Options of `Backend.layerNorm`. */
export interface LayerNormOptions {
  /** Gain: [dim]. Absent: 1. */
  readonly gain?: Tensor | undefined;
  /** Added to the gain: 1 where a checkpoint stores gain - 1. Default 0. */
  readonly gainOffset?: number | undefined;
  /** Bias: [dim]. Absent: 0. */
  readonly bias?: Tensor | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number | undefined;
}

/** Options of `Backend.l2Norm`. */
export interface L2NormOptions {
  /** Number of equal groups (heads) that the last dimension is cut into, each normalized by itself. Default 1. */
  readonly groups?: number | undefined;
  /** Gain: [1], [dim / groups] (shared by the groups) or [dim] (one for each feature). Absent: 1. */
  readonly gain?: Tensor | undefined;
  /** Added to the gain: 1 where a checkpoint stores gain - 1. Default 0. */
  readonly gainOffset?: number | undefined;
  /** Constant factor: sqrt(dim) makes this an RMS norm. Default 1. */
  readonly factor?: number | undefined;
  /** Lower bound of the norm. Default 1e-12. */
  readonly eps?: number | undefined;
  /** Added to ‖x‖² under the root: dim · e makes an RMS norm x / sqrt(mean(x²) + e). Default 0. */
  readonly squareEps?: number | undefined;
}

/** Options of `Backend.rotary`. */
export interface RotaryOptions {
  /** Heads that the last dimension is cut into; each is rotated alike. */
  readonly heads: number;
  /** Pairs are adjacent features (2i, 2i + 1) or the two halves (i, i + R / 2) of the rotated dimensions. */
  readonly pairs: "adjacent" | "halves";
}

/** Options of `Backend.attention`. */
export interface AttentionOptions {
  /** Query heads H. */
  readonly heads: number;
  /** Key and value heads KV; query head h reads key head h mod KV. */
  readonly kvHeads: number;
  /** Factor on q·k. */
  readonly scale: number;
  /** A query sees no key at a later position than its own. */
  readonly causal: boolean;
  /**
   * Position of each row's first query: int32 [b]. Needed with caches; keys that are not cached are numbered from 0.
   * Absent: the last query is at the last key's position, query i at i + m - n.
   */
  readonly positions?: Tensor | undefined;
  /** ALiBi slopes: [H], 0 for heads without; the bias is -slope·|query position - key position|. */
  readonly slopes?: Tensor | undefined;
  /**
   * Keys to keep by position: int32 [b, m], 0 hides a key. A query that sees no key at all gives zeros. For a cache m
   * may be any length, keys beyond it are kept; not with caches that have wrapped around.
   */
  readonly mask?: Tensor | undefined;
  /** Learned keys and values in front of the others, seen by every query, without position: [KV, memory, d] each. */
  readonly memoryKeys?: Tensor | undefined;
  /** See `memoryKeys`. */
  readonly memoryValues?: Tensor | undefined;
  /**
   * xPos decay over one block of 512 positions for each feature of a head: [d]. Queries and keys carry their scale relative to
   * the center of their own block of 512 positions; the query is multiplied by decay^(blocks between query and key), which is
   * negative for keys of later blocks.
   */
  readonly decay?: Tensor | undefined;
}

/** How `Backend.filterLogits` narrows a distribution; applied in the order of the fields, each on what the last one left. */
export interface LogitsFilter {
  /** Keep the k largest; ties at the edge go to the lower token id. */
  readonly topK?: number | undefined;
  /**
   * Keep the smallest set of largest probabilities whose sum reaches this mass, at least one token; ties at the edge go
   * to the lower token id. 1 keeps all.
   */
  readonly topP?: number | undefined;
  /** Keep probabilities of at least this share of the largest. */
  readonly minP?: number | undefined;
  /** Keep probabilities of at least max(p)^power · ratio, and always the largest. */
  readonly topA?: { readonly power: number; readonly ratio: number } | undefined;
}

/** Options of `Backend.sample`. */
export interface SampleOptions {
  /** Divides the logits; 0 takes the largest (the lowest id among equals), infinity draws evenly. */
  readonly temperature: number;
  /** Seed of the counter-based generator, an unsigned 32-bit integer. */
  readonly seed: number;
  /** Draw number: the same seed and counter give the same tokens. Row r of a batch draws from stream r. */
  readonly counter: number;
}

/**
 * The operations of a transformer. b: batch, n and m: sequence lengths, d: width of a head.
 *
 * A call that can't be right is refused before anything is allocated or recorded: with a `ShapeError` for shapes and
 * types that don't fit, a `ConfigError` for other arguments, a `DisposedError` for what is gone. Whole numbers that lie on
 * the engine are not looked at then; ids and indices beyond a table give zeros, and targets beyond the vocabulary don't
 * count.
 */
export interface Operations {
  /** Rows of a weight [numTokens, dim] by id: int32 [...] to [..., dim]. An id beyond the table gives zeros. */
  embedding(tokens: Tensor, weight: Tensor): Tensor;
  /** x Wᵀ + bias, then the activation: [..., in] by weight [out, in] to [..., out]. */
  linear(x: Tensor, weight: Tensor, options?: LinearOptions): Tensor;
  /** (x - mean) / sqrt(variance + eps) · gain + bias over the last dimension (arXiv 1607.06450). */
  layerNorm(x: Tensor, options?: LayerNormOptions): Tensor;
  /** x / max(sqrt(‖x‖² + squareEps), eps) · factor · gain over groups of the last dimension: RMS norm, scale norm and QK norm. */
  l2Norm(x: Tensor, options?: L2NormOptions): Tensor;
  /** The same values with another shape of the same size, without a copy. */
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  /**
   * Rotates the first R features of each head (arXiv 2104.09864): x [b, n, heads·d], table [b or 1, n, R] holding for
   * each position R/2 cosines, then R/2 sines, both already multiplied by any xPos scale. Other features pass through.
   */
  rotary(x: Tensor, table: Tensor, options: RotaryOptions): Tensor;
  /**
   * Softmax attention in O(n) memory: q [b, n, H·d]; k and v [b, m, KV·d], or caches [b, KV, capacity, d] that hold the
   * keys of positions up to the last query's, position p in slot p mod capacity; a full cache keeps the last `capacity`
   * positions, also for the first of several queries. Both have one format. Gives [b, n, H·d].
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor;
  /**
   * The same attention's scores before the softmax, masked ones and empty slots of a cache at LOWEST: [b, H, n, memory
   * + m].
   */
  attentionScores(q: Tensor, k: Tensor, options: AttentionOptions): Tensor;
  /** The same attention's sum of values weighted by probabilities [b, H, n, memory + m]: [b, n, H·d]. */
  attentionValues(probabilities: Tensor, v: Tensor, options: AttentionOptions): Tensor;
  /**
   * Writes x [b, n, KV·d] into a cache at positions[row] + i, modulo its capacity, in its format; `lengths` (int32 [b])
   * leaves out rows i ≥ lengths[row], and negative positions are left out.
   */
  appendCache(cache: Tensor, x: Tensor, positions: Tensor, lengths?: Tensor): void;
  /** An activation by itself. */
  activate(x: Tensor, activation: Activation): Tensor;
  /** Gated linear unit (arXiv 2002.05202): [..., 2·n] to [..., n], first half · activation(second half). */
  glu(x: Tensor, activation: Activation): Tensor;
  /** x + y · scale · factor: shapes equal, or y [1 or n, dim] repeated over x [b, n, dim]; scale [dim]. */
  add(
    x: Tensor,
    y: Tensor,
    options?: { readonly scale?: Tensor | undefined; readonly factor?: number | undefined },
  ): Tensor;
  /** x · activation(y): y of x's shape; or one factor for each head, [..., heads] or [heads], of x [..., heads·d]. */
  multiply(x: Tensor, y: Tensor, options?: { readonly activation?: Activation | undefined }): Tensor;
  /** Sets rows of x [b, n, dim] to zero where mask (int32 [b, n]) is 0. */
  maskRows(x: Tensor, mask: Tensor): Tensor;
  /**
   * Token shift: features are cut into segments and segment a is moved `shifts[a]` positions later (earlier if
   * negative), zeros moving in; features beyond the segments stay. x [b, n, dim]; `previous` [b, p, dim] are the rows
   * before x's first.
   */
  shiftTokens(x: Tensor, shifts: readonly number[], previous?: Tensor): Tensor;
  /** Rows of the last dimension by index: x [..., dim] seen as rows, int32 indices [k] to [k, dim]; zeros where there is no such row. */
  gatherRows(x: Tensor, indices: Tensor): Tensor;
  /** Joins [b or 1, n_i, dim] along the sequence, repeating those of batch 1: [b, Σ n_i, dim], f32 or i32. */
  concat(parts: readonly Tensor[]): Tensor;
  /** The same values in memory of their own; of a cache, another cache. */
  clone(x: Tensor): Tensor;
  /** Positions from ≤ i < to of x [b, n, dim], f32 or i32. */
  slice(x: Tensor, from: number, to: number): Tensor;
  /** Mean over the sequence: [b, n, dim] to [b, dim]. */
  meanPool(x: Tensor): Tensor;
  /** Cuts images [b, c, h, w] into patches, row by row: [b, (h/p)·(w/p), p·p·c], channel fastest. */
  patches(images: Tensor, patchSize: number): Tensor;
  /** Softmax over the last dimension. Entries at LOWEST get 0; a row of nothing else gives zeros. */
  softmax(x: Tensor): Tensor;
  /** Logarithm of the softmax over the last dimension. Entries at LOWEST stay there. */
  logSoftmax(x: Tensor): Tensor;
  /**
   * Sum over rows of -log softmax(logits)[target]: logits [r, V], targets int32 [r] to a scalar. Rows whose target is
   * `ignoreIndex`, or no token, are left out.
   */
  crossEntropy(logits: Tensor, targets: Tensor, ignoreIndex: number): Tensor;
  /**
   * Divides positive and multiplies negative logits [r, V] of tokens that occur in history (int32 [r, k], -1: none) by
   * the penalty (arXiv 1909.05858), once for each token; logits at LOWEST stay there.
   */
  repetitionPenalty(logits: Tensor, history: Tensor, penalty: number): Tensor;
  /** Logits [r, V] with all that a filter removes set to the lowest float. A row that holds a NaN stays as it is. */
  filterLogits(logits: Tensor, filter: LogitsFilter): Tensor;
  /**
   * Draws one token a row: logits [r, V] to int32 [r]. Logits at LOWEST or -∞ are never drawn, of those at +∞ each is as
   * likely. A row of which nothing can be drawn, for it holds a NaN or only hidden logits, gives `NOTHING_DRAWN`. Every
   * engine draws the same random numbers: the hash pcg4d of (seed, counter, row, token), taken as
   * `engine/reference/random.ts` defines.
   */
  sample(logits: Tensor, options: SampleOptions): Tensor;
  /**
   * The acceptance step of speculative decoding (arXiv 2211.17192): target logits [g + 1, V] and draft logits [g, V],
   * both filtered, and the g tokens that `sample` drew from the latter at this temperature, above 0, to int32 [2]: how
   * many were accepted, and the token after them, which is `NOTHING_DRAWN` as in `sample`. An id that is no token is not
   * accepted. Its random numbers are independent of those by which `sample` draws with the same seed and
   * counter.
   */
  acceptDraft(target: Tensor, draft: Tensor, tokens: Tensor, options: SampleOptions): Tensor;
}

/** The lowest f32: what hides a logit or a score. Finite, so that differences of two hidden ones are defined. */
export const LOWEST: number = -3.4028234663852886e38;

/** What stands in place of a token where none can be drawn. */
export const NOTHING_DRAWN: number = -1;

/** Positions a block of xPos scales covers: scales are stored relative to the center of their block. */
export const XPOS_BLOCK = 512;
