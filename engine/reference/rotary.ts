/**
 * Rotary positions (arXiv 2104.09864).
 *
 * @module
 */

import { at, mapRows, type Result, size, type Values } from "./values.ts";

/** `Backend.rotary`: x [b, n, heads·d], table [b or 1, n, R] of R/2 cosines, then R/2 sines. */
export function rotary(x: Values, table: Values, heads: number, pairs: "adjacent" | "halves"): Result {
  const [n, dim, rotated] = [size(x, 1), size(x, 2) / heads, size(table, 2)];
  return mapRows(x, (row, index) => {
    const angles = size(table, 0) === 1 ? index % n : index;
    const out = [...row];
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < rotated / 2; i++) {
        const first = head * dim + (pairs === "adjacent" ? 2 * i : i);
        const second = head * dim + (pairs === "adjacent" ? 2 * i + 1 : i + rotated / 2);
        const [cos, sin] = [at(table, angles * rotated + i), at(table, angles * rotated + rotated / 2 + i)];
        const [a = 0, b = 0] = [row[first], row[second]];
        out[first] = a * cos - b * sin;
        out[second] = b * cos + a * sin;
      }
    }
    return out;
  });
}
