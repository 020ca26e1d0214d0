/**
 * Rows of a weight and products with it.
 *
 * @module
 */

import type { Activation } from "../../backend/operations.ts";
import { activation } from "./activation.ts";
import { at, mapRows, type Result, rowOf, size, sum, type Values, zeros } from "./values.ts";

/** `Backend.embedding`. */
export function embedding(tokens: Values, weight: Values): Result {
  const out = zeros([...tokens.shape, size(weight, 1)]);
  for (const [i, id] of Array.from(tokens.data).entries()) {
    if (id >= 0 && id < size(weight, 0)) out.data.set(rowOf(weight, id), i * size(weight, 1));
  }
  return out;
}

/** `Backend.linear`: activation(x Wᵀ + bias), weight [out, in]. */
export function linear(
  x: Values,
  weight: Values,
  { bias, activation: name }: { bias?: Values | undefined; activation?: Activation | undefined } = {},
): Result {
  const outputs = Array.from({ length: size(weight, 0) }, (_, o) => rowOf(weight, o));
  const product = (row: readonly number[], weights: readonly number[]) => sum(weights.map((w, i) => w * (row[i] ?? 0)));
  return mapRows(
    x,
    (row) =>
      outputs.map((weights, o) => {
        const value = product(row, weights) + (bias ? at(bias, o) : 0);
        return name ? activation(name, value) : value;
      }),
    outputs.length,
  );
}
