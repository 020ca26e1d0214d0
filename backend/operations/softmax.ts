/**
 * The softmax and the loss on it.
 *
 * @module
 */

import { type DescriptionsOf, operation } from "../description/operation.ts";
import { f32, i32, whole } from "../description/rules.ts";
import type { Tensor } from "../memory.ts";

/**
 * The softmax and the loss on it.
 *
 * @category Backends
 */
export interface SoftmaxOperations {
  /** Softmax over the last dimension. Entries at LOWEST get 0; a row of nothing else gives zeros. */
  softmax(x: Tensor): Tensor;
  /** Logarithm of the softmax over the last dimension. Entries at LOWEST stay there. */
  logSoftmax(x: Tensor): Tensor;
  /**
   * Sum over rows of -log softmax(logits)[target]: logits [r, V], targets int32 [r] to a scalar. Rows whose target is
   * `ignoreIndex`, or no token, are left out.
   */
  crossEntropy(logits: Tensor, targets: Tensor, ignoreIndex: number): Tensor;
}

/** What they take and give. */
export const softmax = {
  softmax: operation({ takes: { x: f32("...") }, result: ({ x }) => x }),
  logSoftmax: operation({ takes: { x: f32("...") }, result: ({ x }) => x }),
  crossEntropy: operation({
    takes: { logits: f32("r", "numTokens+"), targets: i32("r"), ignoreIndex: whole(-(2 ** 31), 2 ** 31 - 1) },
    result: () => ({ shape: [] }),
  }),
} satisfies DescriptionsOf<SoftmaxOperations>;
