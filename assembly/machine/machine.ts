/**
 * Where commands run.
 *
 * @module
 */

import type { ReadingInTurns } from "../../backend/backend.ts";

/** How much there is to do in a list, as `../records/work.ts` counts it. */
export interface ListWork {
  /** What several threads can share. */
  readonly shared: number;
  /** The part of that which is products of one row by weights of values, bound by reading them. */
  readonly values: number;
  /** The same by weights of blocks. */
  readonly blocks: number;
}

/** Memory and the kernels that work in it. A machine carries out calls in the order in which they are made. */
export interface Machine {
  /** Threads that compute. */
  readonly threads: number;
  /** Whether it computes in the calling thread, so that it must pause for the event loop. */
  readonly isHere: boolean;
  /** Whether the kernels fuse multiply and add. */
  readonly isRelaxed: boolean;
  /** Which weights one row reads in turns. */
  readonly readsInTurns: ReadingInTurns;
  /** The first byte address that tensors may have. */
  readonly base: number;
  /** Bytes of memory. */
  readonly bytes: number;
  /** Grows the memory by pages of 64 KiB; false if the host gives no more. */
  grow(pages: number): boolean;
  /**
   * Runs the records of a list. The caller may change the list afterwards.
   *
   * @param work How much there is to do.
   */
  run(list: Int32Array<ArrayBuffer>, work: ListWork): void;
  /** Copies values into the memory. */
  write(address: number, values: Float32Array | Int32Array | Uint8Array): void;
  /** Copies bytes out of the memory. */
  read(address: number, bytes: number): Promise<ArrayBuffer>;
  /** Stops everything; the machine is not used afterwards. */
  dispose(): void;
}
