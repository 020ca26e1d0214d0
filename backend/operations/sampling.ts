/**
 * From logits to tokens.
 *
 * @module
 */

import { type DescriptionsOf, operation } from "../description/operation.ts";
import { expectShape } from "../description/refusals.ts";
import { f32, fields, i32, optional, real, whole } from "../description/rules.ts";
import type { Tensor } from "../memory.ts";

/**
 * How `Backend.filterLogits` narrows a distribution; applied in the order of the fields, each on what the last one
 * left.
 *
 * @category Backends
 */
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

/**
 * Options of `Backend.sample`.
 *
 * @category Backends
 */
export interface SampleOptions {
  /** Divides the logits; 0 takes the largest (the lowest id among equals), infinity draws evenly. */
  readonly temperature: number;
  /** Seed of the counter-based generator, an unsigned 32-bit integer. */
  readonly seed: number;
  /** Draw number: the same seed and counter give the same tokens. Row r of a batch draws from stream r. */
  readonly counter: number;
}

/**
 * What turns logits into tokens.
 *
 * @category Backends
 */
export interface SamplingOperations {
  /**
   * Divides positive and multiplies negative logits [r, V] of tokens that occur in history (int32 [r, k], -1: none) by
   * the penalty (arXiv 1909.05858), once for each token; logits at LOWEST stay there.
   */
  repetitionPenalty(logits: Tensor, history: Tensor, penalty: number): Tensor;
  /** Logits [r, V] with all that a filter removes set to the lowest float. A row that holds a NaN stays as it is. */
  filterLogits(logits: Tensor, filter: LogitsFilter): Tensor;
  /**
   * Draws one token a row: logits [r, V] to int32 [r]. Logits at LOWEST or -∞ are never drawn, of those at +∞ each is
   * as likely. A row of which nothing can be drawn, because it holds a NaN or only hidden logits, gives
   * `NOTHING_DRAWN`. Every engine draws the same random numbers: the hash pcg4d of (seed, counter, row, token), taken
   * as `engine/reference/random.ts` defines.
   */
  sample(logits: Tensor, options: SampleOptions): Tensor;
  /**
   * The acceptance step of speculative decoding (arXiv 2211.17192): target logits [g + 1, V] and draft logits [g, V],
   * both filtered, and the g tokens that `sample` drew from the latter at this temperature, above 0, to int32 [2]: how
   * many were accepted, and the token after them, which is `NOTHING_DRAWN` as in `sample`. An id that is no token is
   * not accepted. Its random numbers are independent of those by which `sample` draws with the same seed and counter.
   */
  acceptDraft(target: Tensor, draft: Tensor, tokens: Tensor, options: SampleOptions): Tensor;
}

const logits = f32("r", "numTokens+");
const uint32 = whole(0, 2 ** 32 - 1);

/** What they take and give. */
export const sampling = {
  repetitionPenalty: operation({
    takes: { logits, history: i32("r", "k"), penalty: real({ above: 0 }) },
    result: ({ logits }) => logits,
  }),
  filterLogits: operation({
    takes: { logits },
    options: {
      topK: optional(whole(1, Number.MAX_SAFE_INTEGER)),
      topP: optional(real({ above: 0, to: 1 })),
      minP: optional(real({ from: 0, to: 1 })),
      topA: optional(fields({ power: real({ from: 0 }), ratio: real({ from: 0, to: 1 }) })),
    },
    result: ({ logits }) => logits,
  }),
  sample: operation({
    takes: { logits },
    options: { temperature: real({ from: 0, isOpen: true }), seed: uint32, counter: uint32 },
    result: ({ logits }) => ({ shape: [logits.rows], dtype: "i32" }),
  }),
  acceptDraft: operation({
    takes: { target: f32("r", "numTokens+"), draft: f32("drafted", "numTokens"), tokens: i32("drafted") },
    options: { temperature: real({ above: 0, isOpen: true }), seed: uint32, counter: uint32 },
    rule: ({ target, draft }, op) => expectShape(op, "target", target, [draft.rows + 1, draft.width]),
    result: () => ({ shape: [2], dtype: "i32" }),
  }),
} satisfies DescriptionsOf<SamplingOperations>;
