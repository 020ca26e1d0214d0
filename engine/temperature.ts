/**
 * What kernels are given of a temperature.
 *
 * @module
 */

/** Temperatures below are taken for this one, so that its inverse is a float. */
const LOWEST_TEMPERATURE = 1e-30;

/** What differences of logits are multiplied with: 0 at infinite temperature, where all tokens are alike. */
export function inverseOf(temperature: number): number {
  return 1 / Math.max(temperature, LOWEST_TEMPERATURE);
}
