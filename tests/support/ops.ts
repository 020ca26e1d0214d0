/**
 * Helpers that the tests of operations share: awkward shapes, random values, running an operation on values of the
 * host, and comparing.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { type HostValues, RandomValues } from "../../engine/reference/random_values.ts";
import type { Values } from "../../engine/reference/values.ts";

export { type HostValues, RandomValues };

/** Widths around the sizes of vectors and tiles, primes, and one. */
export const widths = fc.constantFrom(
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  12,
  13,
  16,
  17,
  31,
  32,
  33,
  48,
  61,
  64,
  65,
  100,
  127,
  128,
  130,
);
/** Even ones of them. */
export const evenWidths = widths.map((width) => 2 * width);
/** Lengths of sequences. */
export const lengths = fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 33);
/** Sizes of a batch, none included. */
export const batches = fc.constantFrom(0, 1, 1, 2, 3, 5);
/** Seeds of `random`. */
export const seeds = fc.nat({ max: 2 ** 31 - 1 });

/**
 * Runs a property over values of a record of arbitraries. A GPU takes only a fifth of the runs, unless
 * ANDROMEDA_BACKEND asks for it alone and ANDROMEDA_BRIEF=1 does not: on a software adapter most take a tenth of a
 * second, and new shapes mean new kernels. FAST_CHECK_SEED repeats another run than the usual one.
 */
export async function check<T>(
  backend: Backend,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  property: (values: T) => Promise<void>,
  runs = 60,
): Promise<void> {
  const isAlone = Deno.env.get("ANDROMEDA_BACKEND") === "webgpu" && Deno.env.get("ANDROMEDA_BRIEF") !== "1";
  const isBrief = backend.name === "webgpu" && !isAlone;
  const seed = Number(Deno.env.get("FAST_CHECK_SEED") ?? 20170612);
  const numRuns = isBrief ? Math.ceil(runs / 5) : runs;
  await fc.assert(fc.asyncProperty(fc.record(arbitraries), (values) => property(values as T)), { seed, numRuns });
}

/** Tensors in the place of host values. */
type Tensors<T> = { [K in keyof T]: T[K] extends HostValues ? Tensor : Tensor | undefined };

/** Makes tensors of the inputs, runs an operation on them, reads its result and frees everything. */
export async function compute<T extends { [K in keyof T]: HostValues | undefined }>(
  backend: Backend,
  inputs: T,
  operation: (tensors: Tensors<T>) => Tensor,
): Promise<HostValues> {
  const result = backend.scope(() => {
    const entries = Object.entries<HostValues | undefined>(inputs);
    const tensors = entries.map(([name, values]) => [name, values && backend.tensor(values.data, values.shape)]);
    return operation(Object.fromEntries(tensors));
  });
  try {
    return { shape: result.shape, data: await result.data() };
  } finally {
    result.dispose();
  }
}

/** Above this a number hides something and must be equal, not near. */
const HIDDEN = 1e38;

/**
 * Compares shapes and values.
 *
 * @param tolerance Largest difference, absolute or relative to the largest expected magnitude; 0: equal.
 */
export function assertClose(actual: Values, expected: Values, tolerance: number): void {
  assertEquals([...actual.shape], [...expected.shape], "shape");
  assertEquals(actual.data.length, expected.data.length, "number of values");
  let magnitude = 1;
  for (const value of Array.from(expected.data)) {
    if (Math.abs(value) < HIDDEN) magnitude = Math.max(magnitude, Math.abs(value));
  }
  for (let i = 0; i < actual.data.length; i++) {
    const [a = NaN, e = NaN] = [actual.data[i], expected.data[i]];
    const isRight = Math.abs(e) < HIDDEN ? Math.abs(a - e) <= tolerance * magnitude : a === Math.fround(e);
    assert(isRight, `element ${i} of [${expected.shape}] is ${a}, expected ${e} within ${tolerance} of ${magnitude}`);
  }
}
