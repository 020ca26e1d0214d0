/**
 * Where records are written.
 *
 * @module
 */

import type { Kernel } from "../generated/kernel.ts";

/** Takes records: their arguments are put into `words` and `floats`, then `append` copies them into the list. */
export interface RecordTarget {
  /** Arguments of the next record: addresses, whole numbers and flags. */
  readonly words: Int32Array;
  /** The same memory, for arguments that are floats. */
  readonly floats: Float32Array;
  /** Work of the command that is being encoded, as `work.ts` counts it. */
  readonly work: number;
  /**
   * Appends a record.
   *
   * @param length Arguments to take from `words`.
   * @param list Numbers that follow them; floats of a `Float32Array` stay floats.
   */
  append(kernel: Kernel, length: number, work: number, list?: ArrayLike<number>): void;
}

/** Where encoders write. */
export interface Recorder extends RecordTarget {
  /** Address of memory that lasts until the commands recorded while encoding this one have run. */
  temporary(bytes: number): number;
}
