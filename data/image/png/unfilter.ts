/**
 * The filters of PNG rows (PNG, 9.2), undone.
 *
 * @module
 */

import { damaged } from "../image_error.ts";

/**
 * Restores a row in place.
 *
 * @param row The row, behind the number of its filter.
 * @param above The restored row above, also behind a number; zeros for the first one.
 * @param distance Bytes from a sample to the same one of the pixel on its left, at least 1.
 * @throws {ImageError} If there is no such filter.
 */
export function unfilter(row: Uint8Array, above: Uint8Array, distance: number): void {
  const filter = row[0] ?? 0;
  if (filter === 0) return;
  if (filter > 4) throw damaged("PNG", `a row has filter ${filter}`);
  for (let i = 1; i < row.length; i++) {
    const a = i > distance ? row[i - distance] ?? 0 : 0;
    const b = above[i] ?? 0;
    const c = i > distance ? above[i - distance] ?? 0 : 0;
    row[i] = (row[i] ?? 0) + predicted(filter, a, b, c);
  }
}

/** The guess that a byte was stored as the difference to: of its left neighbor a, b above, and c on the left of b. */
function predicted(filter: number, a: number, b: number, c: number): number {
  if (filter === 1) return a;
  if (filter === 2) return b;
  if (filter === 3) return a + b >> 1;
  const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]; // Paeth
  if (toA <= toB && toA <= toC) return a;
  return toB <= toC ? b : c;
}
