/**
 * Norms.
 *
 * @module
 */

import { at, mapRows, type Result, size, sum, type Values } from "./values.ts";

/** `Backend.layerNorm` (arXiv 1607.06450), with the biased variance. */
export function layerNorm(
  x: Values,
  { gain, gainOffset = 0, bias, eps = 1e-5 }: {
    gain?: Values | undefined;
    gainOffset?: number | undefined;
    bias?: Values | undefined;
    eps?: number | undefined;
  } = {},
): Result {
  return mapRows(x, (row) => {
    const mean = sum(row) / row.length;
    const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
    return row.map((value, i) =>
      (value - mean) / Math.sqrt(variance + eps) * (gain ? at(gain, i) + gainOffset : 1) + (bias ? at(bias, i) : 0)
    );
  });
}

/** `Backend.l2Norm`: each group of features divided by its length, RMS norms with eps under the root among them. */
export function l2Norm(
  x: Values,
  { groups = 1, gain, gainOffset = 0, factor = 1, eps = 1e-12, squareEps = 0 }: {
    groups?: number | undefined;
    gain?: Values | undefined;
    gainOffset?: number | undefined;
    factor?: number | undefined;
    eps?: number | undefined;
    squareEps?: number | undefined;
  } = {},
): Result {
  const width = size(x, -1) / groups;
  return mapRows(x, (row) => {
    const norms = Array.from({ length: groups }, (_, group) => {
      return Math.sqrt(sum(row.slice(group * width, (group + 1) * width).map((v) => v * v)) + squareEps);
    });
    return row.map((value, i) => {
      // A gain of [1], [width] and [dim] alike: feature i of the row reads element i modulo the gain's size.
      const scale = gain ? at(gain, i % gain.data.length) + gainOffset : 1;
      return value / Math.max(norms[Math.floor(i / width)] ?? 0, eps) * factor * scale;
    });
  });
}
