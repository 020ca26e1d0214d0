/*
 * Positions of sequences, [b] of i32, or [b, 2]: with each the row of a cache that the sequence has. `cacheRows` is how
 * many rows that cache has, and 0 where positions don't name them.
 */

/** The position of a sequence's first query. */
export function positionOf(positions: usize, b: i32, cacheRows: i32): i32 {
  return load<i32>(positions + (<usize> b << (cacheRows ? 3 : 2)));
}

/** The row that a sequence has: its own, or what positions say, kept within the cache. */
export function cacheRow(positions: usize, b: i32, cacheRows: i32): i32 {
  if (!cacheRows) return b;
  return max<i32>(min<i32>(load<i32>(positions + (<usize> b << 3) + 4), cacheRows - 1), 0);
}
