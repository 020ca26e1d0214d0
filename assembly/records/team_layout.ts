/**
 * Where threads meet in shared memory. Both the kernels and the host read this, so it holds numbers only.
 *
 * @module
 */

/**
 * Byte offsets in the team's block. Words that different threads write at the same time lie in different cache lines.
 */
export enum Team {
  /** Changes with every shared record; 0 ends the helpers. */
  command = 0,
  /** Address of the record. */
  record = 4,
  /** Pieces that every record is cut into. */
  pieces = 8,
  /** Helpers that sleep until the next record. */
  sleepers = 12,
  /** Which weights one row reads in turns. */
  inTurns = 16,
  /** Pieces that nobody has taken yet; 0 or less: none. */
  left = 64,
  /** Pieces that are done. */
  done = 128,
  /** 1 while the first thread sleeps until all pieces are done. */
  isAwaited = 132,
  /** Not 0 once a helper has failed. */
  failed = 192,
  /** Bytes of `reason`. */
  reasonLength = 196,
  /** Why a helper has failed, in UTF-8. */
  reason = 200,
  /** Length of the block. */
  bytes = 512,
}

/** Weights whose panels one row reads in turns, several at a time, as bits. */
export enum InTurns {
  /** Those of values. */
  values = 1,
  /** Those of blocks. */
  blocks = 2,
}

/** Parts of a record's first word: masks, and by how many bits numbers are shifted up. */
export enum RecordWord {
  /** The kernel. */
  kernel = 65535,
  /** Whether there is enough to do for several threads. */
  isShared = 65536,
  /** For a record that is run in parts: the part's number, from 0 on, and how many follow the first one. */
  part = 17,
  furtherParts = 24,
  /** For either of them, after the shift down. */
  partMask = 127,
}
