/**
 * Orders drawn from a seed.
 *
 * @module
 */

import { Random } from "../../common/random.ts";

/**
 * The numbers below `length` in an order that a seed decides (Fisher and Yates' shuffle).
 *
 * @param stream A name that keeps the orders of one seed apart.
 */
export function shuffled(length: number, seed: number, stream = "shuffle"): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  const random = new Random(seed, stream);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random.uniform() * (last + 1));
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}
