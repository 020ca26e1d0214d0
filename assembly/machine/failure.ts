/**
 * How a helper that fails tells the first thread, which would wait for its work forever.
 *
 * @module
 */

import { Team } from "../records/team_layout.ts";

/** Values of the word at `Team.failed`. */
const [FAILING, FAILED] = [1, 2];

/** Leaves word why a helper has failed and wakes the first thread, which may wait for its piece. The first reason stays. */
export function reportFailure(memory: WebAssembly.Memory, team: number, reason: string): void {
  const words = new Int32Array(memory.buffer);
  if (Atomics.compareExchange(words, (team + Team.failed) >> 2, 0, FAILING) !== 0) return;
  const text = new TextEncoder().encode(reason).subarray(0, Team.bytes - Team.reason);
  new Uint8Array(memory.buffer).set(text, team + Team.reason);
  words[(team + Team.reasonLength) >> 2] = text.length;
  Atomics.store(words, (team + Team.failed) >> 2, FAILED);
  // Another value than the one that it sleeps on; it won't be right again.
  Atomics.add(words, (team + Team.done) >> 2, 1 << 20);
  Atomics.notify(words, (team + Team.done) >> 2);
}

/** Why a helper has failed; undefined if none has. */
export function failureOf(memory: WebAssembly.Memory, team: number): string | undefined {
  const words = new Int32Array(memory.buffer);
  if (Atomics.load(words, (team + Team.failed) >> 2) === 0) return undefined;
  // Whoever is failing is about to say why.
  while (Atomics.load(words, (team + Team.failed) >> 2) === FAILING);
  const from = team + Team.reason;
  const to = from + (words[(team + Team.reasonLength) >> 2] ?? 0);
  return new TextDecoder().decode(new Uint8Array(memory.buffer).slice(from, to));
}
