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
  /** Subtracted from the logits of tokens that were made already. */
  readonly presencePenalty: number;
  /** Subtracted from the logits of tokens for each time that they were made. */
  readonly frequencyPenalty: number;
  /** Added to the logits of tokens, by their ids. */
  readonly logitBias: ReadonlyMap<number, number> | undefined;
  /** Seed of the draws. */
  readonly seed: number;
}

/** The tokens of a text so far. */
export interface History {
  readonly tokens: readonly number[];
  /** How many of them, the last ones, were generated. */
  readonly made: number;
}

/** Whether logits depend on earlier tokens otherwise than through the network, so that the host must know these. */
export function needsHistory({ repetitionPenalty, presencePenalty, frequencyPenalty }: Sampling): boolean {
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

/** Whether a draw takes the largest logit as it is. */
export function takesLargest(sampling: Sampling): boolean {
  return sampling.temperature === 0 && !needsHistory(sampling) && !sampling.logitBias;
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
  const penalized = adjust(backend, logits, sampling, histories.map((tokens) => ({ tokens, made: counter })));
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
  histories: readonly History[],
): Tensor {
  const penalized = adjust(backend, logits, sampling, histories);
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

/** Logits under the penalties and the bias. */
function adjust(backend: Backend, logits: Tensor, sampling: Sampling, histories: readonly History[]): Tensor {
  return addBiases(backend, penalizeRepetition(backend, logits, sampling, histories), sampling, histories);
}

function penalizeRepetition(
  backend: Backend,
  logits: Tensor,
  { repetitionPenalty }: Sampling,
  histories: readonly History[],
): Tensor {
  if (repetitionPenalty === 1) return logits;
  const tokens = histories.map(({ tokens }) => [...new Set(tokens)]);
  const longest = largest(tokens.map((row) => row.length));
  const history = new Int32Array(tokens.length * longest).fill(-1);
  for (const [r, row] of tokens.entries()) history.set(row, r * longest);
  return backend.repetitionPenalty(logits, backend.tensor(history, [tokens.length, longest]), repetitionPenalty);
}

/** logits + bias - presence penalty of tokens that were made - frequency penalty · how often. */
function addBiases(
  backend: Backend,
  logits: Tensor,
  { presencePenalty, frequencyPenalty, logitBias }: Sampling,
  histories: readonly History[],
): Tensor {
  const countsMade = presencePenalty !== 0 || frequencyPenalty !== 0;
  if (!countsMade && !logitBias) return logits;
  const [, numTokens = 0] = logits.shape;
  const biases = new Float32Array(histories.length * numTokens);
  for (const [r, { tokens, made }] of histories.entries()) {
    const row = biases.subarray(r * numTokens, (r + 1) * numTokens);
    for (const [token, bias] of logitBias ?? []) row[token] = bias;
    if (!countsMade) continue;
    const seen = new Set<number>();
    for (const token of tokens.slice(tokens.length - made)) {
      row[token] = (row[token] ?? 0) - frequencyPenalty - (seen.has(token) ? 0 : presencePenalty);
      seen.add(token);
    }
  }
  return backend.add(logits, backend.tensor(biases, [histories.length, numTokens]));
}
