/**
 * The largest of many numbers.
 *
 * @module
 */

/** The largest of numbers, and of `least`: `Math.max(...values)` takes no more than some 100,000. */
export function largest(values: readonly number[], least = -Infinity): number {
  return values.reduce((most, value) => Math.max(most, value), least);
}
