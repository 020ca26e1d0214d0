/**
 * The formats of the files that the rows of a dataset are in.
 *
 * @module
 */

import type { DatasetRow } from "../blocks/block.ts";

/**
 * The files that rows are written into: parquet, which Python's `datasets` loads, or the token ids as arrays have them
 * in memory, which any language maps.
 *
 * @category Data
 */
export type DatasetFormat = "parquet" | "tokens";

/** The end of the names of shards. */
export const ENDINGS: Readonly<Record<DatasetFormat, string>> = { parquet: ".parquet", tokens: ".bin" };

/** Whether a value names a format. */
export function isFormat(value: unknown): value is DatasetFormat {
  return typeof value === "string" && Object.hasOwn(ENDINGS, value);
}

/** What rows of a dataset are like. */
export interface RowPlan {
  readonly format: DatasetFormat;
  /** Tokens of a row. */
  readonly seqLen: number;
  /** How many ids there may be, where that is known. */
  readonly vocabSize: number | undefined;
}

/** A shard that is being written. Only its bytes are kept. */
export interface ShardWriter {
  /** Appends a row. */
  add(row: DatasetRow): void;
  /** Ends the file and gives its bytes, in pieces: in one array they would take twice their room as it grows. */
  finish(): readonly Uint8Array[];
}
