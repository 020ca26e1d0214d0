/**
 * All operations of a transformer: the methods of a `Backend`, and the table of their descriptions. b: batch, n and m:
 * sequence lengths, d: width of a head.
 *
 * @module
 */

import type { DescriptionsOf } from "../description/operation.ts";
import { attention, type AttentionOperations } from "./attention.ts";
import { elementwise, type ElementwiseOperations } from "./elementwise.ts";
import { linear, type LinearOperations } from "./linear.ts";
import { norm, type NormOperations } from "./norm.ts";
import { sampling, type SamplingOperations } from "./sampling.ts";
import { sequence, type SequenceOperations } from "./sequence.ts";
import { softmax, type SoftmaxOperations } from "./softmax.ts";

/**
 * The operations of a transformer. b: batch, n and m: sequence lengths, d: width of a head.
 *
 * A call that can't be right is refused before anything is allocated or recorded: with a `ShapeError` for shapes and
 * types that don't fit, a `ConfigError` for other arguments, a `DisposedError` for what is gone. Whole numbers that lie
 * on the engine are not looked at then; ids and indices beyond a table give zeros, and targets beyond the vocabulary
 * don't count.
 *
 * @category Backends
 */
export interface Operations
  extends
    AttentionOperations,
    ElementwiseOperations,
    LinearOperations,
    NormOperations,
    SamplingOperations,
    SequenceOperations,
    SoftmaxOperations {}

/** The description of every operation. */
export const OPERATIONS = {
  ...attention,
  ...elementwise,
  ...linear,
  ...norm,
  ...sampling,
  ...sequence,
  ...softmax,
} satisfies DescriptionsOf<Operations>;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;
