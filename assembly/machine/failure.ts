/**
 * How a helper that fails tells the first thread, which would wait for its work forever.
 *
 * @module
 */

import { Team } from "../records/team_layout.ts";

/** Values of the word at `Team.failed`. */
const [FAILING, FAILED] = [1, 2];

/**
 * Writes why a helper has failed and wakes the first thread, which may wait for its piece. The first reason is kept.
 */
export function reportFailure(memory: WebAssembly.Memory, team: number, reason: string): void {
  const words = new Int32Array(memory.buffer);
  if (Atomics.compareExchange(words, (team + Team.failed) >> 2, 0, FAILING) !== 0) return;
  const text = new TextEncoder().encode(reason).subarray(0, Team.bytes - Team.reason);
  new Uint8Array(memory.buffer).set(text, team + Team.reason);
  words[(team + Team.reasonLength) >> 2] = text.length;
  Atomics.store(words, (team + Team.failed) >> 2, FAILED);
  // It must differ from the value that the thread sleeps on; the count is not used after a failure.
  Atomics.add(words, (team + Team.done) >> 2, 1 << 20);
  Atomics.notify(words, (team + Team.done) >> 2);
}

/** Why a helper has failed; undefined if none has. */
export function failureOf(memory: WebAssembly.Memory, team: number): string | undefined {
  const words = new Int32Array(memory.buffer);
  if (Atomics.load(words, (team + Team.failed) >> 2) === 0) return undefined;
  // A thread that is failing is about to write its reason.
  while (Atomics.load(words, (team + Team.failed) >> 2) === FAILING);
  const from = team + Team.reason;
  const to = from + (words[(team + Team.reasonLength) >> 2] ?? 0);
  return new TextDecoder().decode(new Uint8Array(memory.buffer).slice(from, to));
}
