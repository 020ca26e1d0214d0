/**
 * How long an engine takes for an operation: many in a row, then one wait.
 *
 * @module
 */

import type { Backend } from "../../mod.ts";
import { median } from "./report.ts";

/** Milliseconds that a run of operations takes at least, so that the wait at its end counts for little. */
const ENOUGH = 60;
/** Repeats at most: a product of nothing would never take long enough. */
const MOST = 2 ** 14;

/** Waits until an engine has done all that was recorded: four bytes come back. */
export async function settle(backend: Backend): Promise<void> {
  const last = backend.tensor(Float32Array.of(1), [1]);
  await last.data();
  last.dispose();
}

/** Milliseconds of one of many runs of an operation in a row; the median over rounds. */
export async function timeOperation(backend: Backend, operation: () => void, rounds: number): Promise<number> {
  const time = async (repeats: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      backend.scope(operation);
      // A device that takes long for one submission is taken for hung, and lost.
      if (i % 64 === 63) backend.flush();
    }
    await settle(backend);
    return performance.now() - start;
  };
  await backend.warmUp(operation);
  await time(1);
  let repeats = 1;
  for (let taken = await time(1); taken < ENOUGH && repeats < MOST; taken = await time(repeats)) {
    repeats = Math.min(MOST, Math.ceil(repeats * Math.min(8, 1.2 * ENOUGH / taken)));
  }
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await time(repeats) / repeats);
  return median(times);
}

/** Values between -0.5 and 0.5. */
export function randomValues(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, () => Math.random() - 0.5);
}
