/**
 * Softmax and the loss on it.
 *
 * @module
 */

import { LOWEST } from "../../backend/operations.ts";
import { at, largestOf, mapRows, type Result, rowOf, size, sum, type Values } from "./values.ts";

/** Softmax of one row: hidden entries (LOWEST) get 0, a row of nothing but hidden entries gives zeros. */
export function softmaxRow(row: readonly number[]): number[] {
  const largest = largestOf(row);
  if (largest <= LOWEST) return row.map(() => 0);
  const exponentials = row.map((value) => value <= LOWEST ? 0 : Math.exp(value - largest));
  const total = sum(exponentials);
  return exponentials.map((value) => value / total);
}

/** Its logarithm: hidden entries stay at LOWEST. */
export function logSoftmaxRow(row: readonly number[]): number[] {
  const largest = largestOf(row);
  const total = sum(row.map((value) => value <= LOWEST ? 0 : Math.exp(value - largest)));
  return row.map((value) => value <= LOWEST ? LOWEST : value - largest - Math.log(total));
}

/** `Backend.softmax`. */
export function softmax(x: Values): Result {
  return mapRows(x, softmaxRow);
}

/** `Backend.logSoftmax`. */
export function logSoftmax(x: Values): Result {
  return mapRows(x, logSoftmaxRow);
}

/** `Backend.crossEntropy`. */
export function crossEntropy(logits: Values, targets: Values, ignoreIndex: number): Result {
  const losses = Array.from(targets.data, (target, r) => {
    const counts = target !== ignoreIndex && target >= 0 && target < size(logits, -1);
    return !counts ? 0 : -at({ shape: [], data: logSoftmaxRow(rowOf(logits, r)) }, target);
  });
  return { shape: [], data: Float64Array.of(sum(losses)) };
}
