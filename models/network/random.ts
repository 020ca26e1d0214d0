/**
 * What fresh parameters hold.
 *
 * @module
 */

import type { Random } from "../../common/random.ts";

/** Draws the values of a fresh parameter into `values`; called again and again for one parameter until it is full. */
export type Initializer = (values: Float32Array, random: Random) => void;

/** All values the same. */
export function constant(value: number): Initializer {
  return (values) => void values.fill(value);
}

/** N(0, deviation²). */
export function normal(deviation: number): Initializer {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  };
}

/** U(-bound, bound). */
export function uniform(bound: number): Initializer {
  return (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform() - 1);
  };
}

/** Xavier normal (Glorot and Bengio 2010) with a gain; undefined without one. */
export function xavier(gain: number | undefined, inSize: number, outSize: number): Initializer | undefined {
  return gain === undefined ? undefined : normal(gain * Math.sqrt(2 / (inSize + outSize)));
}
