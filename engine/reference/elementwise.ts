/**
 * Sums, products and masks of whole sequences.
 *
 * @module
 */

import type { Activation } from "../../backend/operations.ts";
import { activation } from "./activation.ts";
import { at, mapRows, type Result, size, type Values } from "./values.ts";

/** `Backend.add`: x + y · scale · factor, y repeated over x where it is smaller. */
export function add(
  x: Values,
  y: Values,
  { scale, factor = 1 }: { scale?: Values | undefined; factor?: number | undefined } = {},
): Result {
  const width = size(x, -1);
  return mapRows(x, (row, r) =>
    row.map((value, i) => {
      const other = at(y, (r * width + i) % y.data.length);
      return value + other * (scale ? at(scale, i) : 1) * factor;
    }));
}

/** `Backend.multiply`: x · activation(y), y with one factor for each feature or each head. */
export function multiply(x: Values, y: Values, name?: Activation): Result {
  const [width, factors] = [size(x, -1), size(y, -1)];
  return mapRows(x, (row, r) =>
    row.map((value, i) => {
      const factor = at(y, (y.shape.length === 1 ? 0 : r * factors) + Math.floor(i / (width / factors)));
      return value * (name ? activation(name, factor) : factor);
    }));
}

/** `Backend.maskRows`. */
export function maskRows(x: Values, mask: Values): Result {
  return mapRows(x, (row, r) => at(mask, r) === 0 ? row.map(() => 0) : row);
}
