/**
 * From logits to tokens.
 *
 * @module
 */

import { LOWEST, NOTHING_DRAWN } from "../../backend/operations.ts";
import type { LogitsFilter, SampleOptions } from "../../backend/operations/sampling.ts";
import { ACCEPT_SEED, exponential, log, RESIDUAL_SEED, uniform } from "./random.ts";
import { softmaxRow } from "./softmax.ts";
import { at, largestOf, mapRows, type Result, rowOf, size, type Values } from "./values.ts";

/** `Backend.repetitionPenalty` (arXiv 1909.05858): each token of the history once, however often it occurs. */
export function repetitionPenalty(logits: Values, history: Values, penalty: number): Result {
  return mapRows(logits, (row, r) => {
    const seen = new Set(rowOf(history, r));
    return row.map((logit, token) => {
      if (!seen.has(token) || logit <= LOWEST) return logit;
      return logit > 0 ? logit / penalty : logit * penalty;
    });
  });
}

/** `Backend.filterLogits`. */
export function filterLogits(logits: Values, { topK, topP, minP, topA }: LogitsFilter): Result {
  return mapRows(logits, (row) => {
    if (row.some(Number.isNaN)) return [...row];
    let kept = row;
    if (topK !== undefined) kept = keepTopK(kept, topK);
    if (topP !== undefined) kept = keepTopP(kept, topP);
    if (minP !== undefined) kept = keepAbove(kept, (largest) => largest * minP);
    if (topA !== undefined) kept = keepAbove(kept, (largest) => Math.min(largest ** topA.power * topA.ratio, largest));
    return kept;
  });
}

/** What tokens are drawn with: where logits are infinite, each of these alike, and no other. */
function probabilitiesOf(row: readonly number[], temperature = 1): number[] {
  const largest = largestOf(row);
  if (largest === Infinity) return softmaxRow(row.map((logit) => logit === Infinity ? 0 : LOWEST));
  return softmaxRow(row.map((logit) => logit <= LOWEST ? LOWEST : (logit - largest) / temperature));
}

/** Whether a row has something to draw. */
function canDraw(row: readonly number[]): boolean {
  return !row.some(Number.isNaN) && row.some((logit) => logit > LOWEST);
}

/** Tokens from the most to the least likely, lower ids first among equals. */
function ranking(row: readonly number[]): number[] {
  return row.map((_, token) => token).sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0) || a - b);
}

function keep(row: readonly number[], tokens: Iterable<number>): number[] {
  const kept = new Set(tokens);
  return row.map((logit, token) => kept.has(token) ? logit : LOWEST);
}

function keepTopK(row: readonly number[], k: number): number[] {
  return keep(row, ranking(row).slice(0, k));
}

function keepTopP(row: readonly number[], mass: number): number[] {
  if (mass >= 1) return [...row];
  const probabilities = probabilitiesOf(row);
  const kept: number[] = [];
  let total = 0;
  for (const token of ranking(row)) {
    if (kept.length > 0 && total >= mass) break;
    kept.push(token);
    total += probabilities[token] ?? 0;
  }
  return keep(row, kept);
}

function keepAbove(row: readonly number[], limit: (largest: number) => number): number[] {
  const probabilities = probabilitiesOf(row);
  const least = limit(largestOf(probabilities));
  return row.map((logit, token) => (probabilities[token] ?? 0) >= least ? logit : LOWEST);
}

/** The position of the largest number, the first among equals. */
function argmax(row: readonly number[]): number {
  return row.reduce((best, value, i) => value > (row[best] ?? -Infinity) ? i : best, 0);
}

/** `Backend.sample`, rounded to f32 as every engine rounds it. */
export function sample(logits: Values, { temperature, seed, counter }: SampleOptions): Result {
  const round = Math.fround;
  const inverse = round(1 / Math.max(temperature, 1e-30));
  const draw = (row: number[], r: number) => {
    if (!canDraw(row)) return [NOTHING_DRAWN];
    if (temperature === 0) return [argmax(row)];
    const largest = largestOf(row);
    return [argmax(row.map((logit, token) => {
      if (logit <= LOWEST || (largest === Infinity && logit < largest)) return -Infinity;
      const scaled = logit === largest ? 0 : round(round(logit - largest) * inverse);
      return round(scaled - log(exponential(seed, counter, r, token)));
    }))];
  };
  return { shape: [size(logits, 0)], data: mapRows(logits, draw, 1).data };
}

/** `Backend.acceptDraft` (arXiv 2211.17192, algorithm 1). */
export function acceptDraft(
  target: Values,
  draft: Values,
  tokens: Values,
  { temperature, seed, counter }: SampleOptions,
): Result {
  const drafted = tokens.data.length;
  for (let i = 0; i < drafted; i++) {
    if (!canDraw(rowOf(target, i)) || !canDraw(rowOf(draft, i))) return result(i, NOTHING_DRAWN);
    const [p, q] = [probabilitiesOf(rowOf(target, i), temperature), probabilitiesOf(rowOf(draft, i), temperature)];
    const token = at(tokens, i);
    if (uniform(seed ^ ACCEPT_SEED, counter, i, 0) * (q[token] ?? 0) < (p[token] ?? 0)) continue;
    const residual = p.map((probability, t) => Math.max(0, probability - (q[t] ?? 0)));
    return result(i, race(residual.some((r) => r > 0) ? residual : p, i));
  }
  if (!canDraw(rowOf(target, drafted))) return result(drafted, NOTHING_DRAWN);
  return result(drafted, race(probabilitiesOf(rowOf(target, drafted), temperature), drafted));

  function race(weights: readonly number[], row: number): number {
    return argmax(weights.map((weight, t) => weight / exponential(seed ^ RESIDUAL_SEED, counter, row, t)));
  }
}

function result(accepted: number, token: number): Result {
  return { shape: [2], data: Float64Array.of(accepted, token) };
}
