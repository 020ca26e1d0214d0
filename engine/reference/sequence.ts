/**
 * Operations that move positions about: shifts, joins, cuts, pooling, patches.
 *
 * @module
 */

import { at, mapRows, type Result, rowOf, size, type Values, zeros } from "./values.ts";

/** `Backend.shiftTokens`: x [b, n, dim], previous [b, p, dim]. */
export function shiftTokens(x: Values, shifts: readonly number[], previous?: Values): Result {
  const [n, width] = [size(x, 1), size(x, 2)];
  const segment = Math.floor(width / shifts.length);
  const before = previous ? size(previous, 1) : 0;
  return mapRows(x, (row, r) => {
    const [b, i] = [Math.floor(r / n), r % n];
    return row.map((value, feature) => {
      const shift = shifts[Math.floor(feature / segment)];
      if (shift === undefined) return value;
      const from = i - shift;
      if (from >= 0 && from < n) return at(x, (b * n + from) * width + feature);
      return from < 0 && from >= -before && previous ? at(previous, (b * before + before + from) * width + feature) : 0;
    });
  });
}

/** `Backend.gatherRows`. */
export function gatherRows(x: Values, indices: Values): Result {
  const width = size(x, -1);
  const out = zeros([indices.data.length, width]);
  for (const [i, index] of Array.from(indices.data).entries()) {
    if (index >= 0 && index < x.data.length / width) out.data.set(rowOf(x, index), i * width);
  }
  return out;
}

/** `Backend.concat`: parts [b or 1, n, dim]. */
export function concat(parts: readonly Values[]): Result {
  const b = Math.max(...parts.map((part) => size(part, 0)));
  const n = parts.reduce((total, part) => total + size(part, 1), 0);
  const rows = Array.from({ length: b }, (_, row) =>
    parts.flatMap((part) => {
      const batch = size(part, 0) === 1 ? 0 : row;
      return Array.from({ length: size(part, 1) }, (_, i) => rowOf(part, batch * size(part, 1) + i));
    }));
  return { shape: [b, n, size(parts[0] ?? zeros([0]), -1)], data: Float64Array.from(rows.flat(2)) };
}

/** `Backend.slice`: positions from ≤ i < to. */
export function slice(x: Values, from: number, to: number): Result {
  const [b, n, width] = [size(x, 0), size(x, 1), size(x, 2)];
  const rows = Array.from(
    { length: b },
    (_, row) => Array.from({ length: to - from }, (_, i) => rowOf(x, row * n + from + i)),
  );
  return { shape: [b, to - from, width], data: Float64Array.from(rows.flat(2)) };
}

/** `Backend.meanPool`. */
export function meanPool(x: Values): Result {
  const [b, n, width] = [size(x, 0), size(x, 1), size(x, 2)];
  const out = zeros([b, width]);
  for (let row = 0; row < b; row++) {
    for (let e = 0; e < width; e++) {
      let total = 0;
      for (let i = 0; i < n; i++) total += at(x, (row * n + i) * width + e);
      out.data[row * width + e] = total / n;
    }
  }
  return out;
}

/** `Backend.patches`: "b c (h p1) (w p2) -> b (h w) (p1 p2 c)". */
export function patches(images: Values, p: number): Result {
  const [b, c, height, width] = [size(images, 0), size(images, 1), size(images, 2), size(images, 3)];
  const out = zeros([b, (height / p) * (width / p), p * p * c]);
  let write = 0;
  for (let image = 0; image < b; image++) {
    for (let top = 0; top < height; top += p) {
      for (let left = 0; left < width; left += p) {
        for (let y = top; y < top + p; y++) {
          for (let x = left; x < left + p; x++) {
            for (let channel = 0; channel < c; channel++) {
              out.data[write++] = at(images, ((image * c + channel) * height + y) * width + x);
            }
          }
        }
      }
    }
  }
  return out;
}
