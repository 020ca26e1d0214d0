/**
 * From logits to tokens on the device: repetition penalty, filter, draw.
 *
 * @module
 */

import type { Backend } from "../../../backend/backend.ts";
import type { Tensor } from "../../../backend/memory.ts";
import type { LogitsFilter } from "../../../backend/operations/sampling.ts";
import { largest } from "../../language/largest.ts";

/** How tokens are drawn. */
export interface Sampling {
  /** Divides the logits; 0 takes the largest. */
  readonly temperature: number;
  /** The logits that are removed before the draw. */
  readonly filter: LogitsFilter;
  /** Divides positive and multiplies negative logits of tokens that the text holds already; 1 is no penalty. */
  readonly repetitionPenalty: number;
  /** Seed of the draws. */
  readonly seed: number;
}

/**
 * Draws a token for each row of logits [r, V]: int32 [r].
 *
 * @param histories Tokens of each row so far.
 * @param counter Index of the token in what is generated.
 */
export function drawTokens(
  backend: Backend,
  logits: Tensor,
  sampling: Sampling,
  histories: readonly (readonly number[])[],
  counter: number,
): Tensor {
  const { temperature, seed } = sampling;
  const penalized = penalize(backend, logits, sampling, histories);
  // A greedy draw needs no filter, because none removes the largest logit.
  const filtered = temperature === 0 ? penalized : filter(backend, penalized, sampling.filter);
  return backend.sample(filtered, { temperature, seed, counter });
}

/**
 * The logits [r, V] that `drawTokens` draws from, as speculative decoding compares them. A greedy draw is a draw at
 * temperature 1 from the one token that is left.
 */
export function distribution(
  backend: Backend,
  logits: Tensor,
  sampling: Sampling,
  histories: readonly (readonly number[])[],
): Tensor {
  const penalized = penalize(backend, logits, sampling, histories);
  if (sampling.temperature === 0) return backend.filterLogits(penalized, { topK: 1 });
  return filter(backend, penalized, sampling.filter);
}

/** The temperature of draws from `distribution`. */
export function distributionTemperature({ temperature }: Sampling): number {
  return temperature === 0 ? 1 : temperature;
}

function filter(backend: Backend, logits: Tensor, filter: LogitsFilter): Tensor {
  return Object.values(filter).some((value) => value !== undefined) ? backend.filterLogits(logits, filter) : logits;
}

function penalize(
  backend: Backend,
  logits: Tensor,
  { repetitionPenalty }: Sampling,
  histories: readonly (readonly number[])[],
): Tensor {
  if (repetitionPenalty === 1) return logits;
  const tokens = histories.map((text) => [...new Set(text)]);
  const longest = largest(tokens.map((row) => row.length));
  const history = new Int32Array(tokens.length * longest).fill(-1);
  for (const [r, row] of tokens.entries()) history.set(row, r * longest);
  return backend.repetitionPenalty(logits, backend.tensor(history, [tokens.length, longest]), repetitionPenalty);
}
