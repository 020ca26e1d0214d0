/**
 * Norms.
 *
 * @module
 */

import { type DescriptionsOf, operation } from "../description/operation.ts";
import { refuse } from "../description/refusals.ts";
import { byDefault, count, f32, optional, real } from "../description/rules.ts";
import type { Tensor } from "../memory.ts";

/**
 * Options of `Backend.layerNorm`.
 *
 * @category Backends
 */
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

/**
 * Options of `Backend.l2Norm`.
 *
 * @category Backends
 */
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

/**
 * Norms of rows.
 *
 * @category Backends
 */
export interface NormOperations {
  /** (x - mean) / sqrt(variance + eps) · gain + bias over the last dimension (arXiv 1607.06450). */
  layerNorm(x: Tensor, options?: LayerNormOptions): Tensor;
  /**
   * x / max(sqrt(‖x‖² + squareEps), eps) · factor · gain over groups of the last dimension: RMS norm, scale norm and
   * QK norm.
   */
  l2Norm(x: Tensor, options?: L2NormOptions): Tensor;
}

/** What they take and give. */
export const norm = {
  layerNorm: operation({
    takes: { x: f32("...", "dim") },
    options: {
      gain: optional(f32("dim")),
      gainOffset: byDefault(0, real()),
      bias: optional(f32("dim")),
      eps: byDefault(1e-5, real({ from: 0 })),
    },
    result: ({ x }) => x,
  }),
  l2Norm: operation({
    takes: { x: f32("...", "groups*dim") },
    options: {
      groups: byDefault(1, count("groups")),
      gain: optional(f32("...")),
      gainOffset: byDefault(0, real()),
      factor: byDefault(1, real()),
      eps: byDefault(1e-12, real({ from: 0 })),
      squareEps: byDefault(0, real({ from: 0 })),
    },
    rule({ x: { width }, groups, gain }, op) {
      if (!gain || gain.size === 1 || gain.size === width || gain.size === width / groups) return;
      refuse(op, "gain", gain.shape, `[1], [${width / groups}] or [${width}]`);
    },
    result: ({ x }) => x,
  }),
} satisfies DescriptionsOf<NormOperations>;
