/**
 * Products with weights, and their rows by id.
 *
 * @module
 */

import { type DescriptionsOf, operation } from "../description/operation.ts";
import { f32, i32, oneOf, optional, weight } from "../description/rules.ts";
import type { Tensor } from "../memory.ts";
import { type Activation, ACTIVATIONS } from "../operations.ts";

/**
 * Options of `Backend.linear`.
 *
 * @category Backends
 */
export interface LinearOptions {
  /** Added to every row: [out]. */
  readonly bias?: Tensor | undefined;
  /** Applied after the bias. */
  readonly activation?: Activation | undefined;
}

/**
 * Operations on weights.
 *
 * @category Backends
 */
export interface LinearOperations {
  /** Rows of a weight [numTokens, dim] by id: int32 [...] to [..., dim]. An id beyond the table gives zeros. */
  embedding(tokens: Tensor, weight: Tensor): Tensor;
  /** x Wᵀ + bias, then the activation: [..., in] by weight [out, in] to [..., out]. */
  linear(x: Tensor, weight: Tensor, options?: LinearOptions): Tensor;
}

/** What they take and give. */
export const linear = {
  embedding: operation({
    takes: { tokens: i32("..."), weight: weight("numTokens", "dim") },
    result: ({ tokens, weight }) => ({ shape: [...tokens.shape, weight.width] }),
  }),
  linear: operation({
    takes: { x: f32("...", "in"), weight: weight("out", "in") },
    options: { bias: optional(f32("out")), activation: optional(oneOf(ACTIVATIONS)) },
    result: ({ x, weight }) => ({ shape: x.shape.with(-1, weight.rows) }),
  }),
} satisfies DescriptionsOf<LinearOperations>;
