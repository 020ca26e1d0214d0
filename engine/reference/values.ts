/**
 * Values on the host. The oracles take and give them, compute in float64, and are written to be read beside the papers:
 * an engine is right when it agrees with them.
 *
 * @module
 */

import { sizeOf } from "../../common/shape.ts";

/** Numbers in row-major order. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Values that an oracle made. */
export interface Result extends Values {
  readonly data: Float64Array;
}

/** Zeros to be filled. */
export function zeros(shape: readonly number[]): Result {
  return { shape: [...shape], data: new Float64Array(sizeOf(shape)) };
}

/**
 * Element `i` of values, in row-major order.
 *
 * @throws {RangeError} Beyond the end: an oracle never reads past it.
 */
export function at(x: Values, i: number): number {
  const value = x.data[i];
  if (value === undefined) throw new RangeError(`Cannot read element ${i} of values of shape [${x.shape}]`);
  return value;
}

/** Size of one dimension, negative ones counted from the last. */
export function size(x: Values, dimension: number): number {
  return x.shape.at(dimension) ?? 1;
}

/** Applies a function to each row of the last dimension; the rows of `outWidth` that it gives make up the result. */
export function mapRows(
  x: Values,
  fn: (row: number[], index: number) => readonly number[],
  outWidth: number = size(x, -1),
): Result {
  const out = zeros([...x.shape.slice(0, -1), outWidth]);
  const rows = sizeOf(x.shape.slice(0, -1));
  for (let r = 0; r < rows; r++) out.data.set(fn(rowOf(x, r), r), r * outWidth);
  return out;
}

/** Row `r` of the last dimension. */
export function rowOf(x: Values, r: number): number[] {
  const width = size(x, -1);
  return Array.from({ length: width }, (_, i) => at(x, r * width + i));
}

/** Σ of numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The largest of numbers, of however many. */
export function largestOf(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), -Infinity);
}
