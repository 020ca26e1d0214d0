/**
 * Shapes: sizes of dimensions, outermost first.
 *
 * @module
 */

import { show } from "./show.ts";

/** Number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let product = 1;
  for (const size of shape) product *= size;
  return product;
}

/** A shape as people write it: `[2, 33, 48]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${Array.from(shape, show).join(", ")}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
