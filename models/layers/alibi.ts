/**
 * ALiBi: a linear bias on attention scores (arXiv 2108.12409).
 *
 * @module
 */

/**
 * Slopes for `heads` heads: a geometric series for powers of two; otherwise that of the next lower power, followed by
 * every second one of the next higher.
 */
export function alibiSlopes(heads: number): number[] {
  if (heads === 0) return [];
  const power = 2 ** Math.floor(Math.log2(heads));
  return [...geometric(power), ...geometric(2 * power).filter((_, i) => i % 2 === 0)].slice(0, heads);
}

/** 2^(-8 (i + 1) / n) for i = 0 .. n - 1. */
function geometric(n: number): number[] {
  return Array.from({ length: n }, (_, i) => 2 ** (-8 * (i + 1) / n));
}
