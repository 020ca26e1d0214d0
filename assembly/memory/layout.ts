/**
 * The areas in front of the tensors in the kernels' memory.
 *
 * @module
 */

import { SCRATCH_BYTES } from "../records/constants.ts";
import { Team } from "../records/team_layout.ts";

/** Words that fit into a command list. */
export const LIST_WORDS = 1 << 16;

/** Byte addresses. */
export interface MemoryLayout {
  /** Where threads meet. */
  readonly team: number;
  /** The command list. */
  readonly list: number;
  /** Scratch memory, an area for each thread. */
  readonly scratches: number;
  /** Where tensors may begin. */
  readonly base: number;
}

/** The layout of a memory whose first bytes, up to `heapBase`, hold the kernels' own constants. */
export function layoutOf(heapBase: number, threads: number): MemoryLayout {
  const team = (heapBase + 63) & ~63;
  const list = team + Team.bytes;
  const scratches = list + LIST_WORDS * 4;
  return { team, list, scratches, base: scratches + threads * SCRATCH_BYTES };
}
