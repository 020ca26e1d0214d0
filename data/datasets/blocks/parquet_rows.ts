/**
 * Rows of a dataset in a parquet file.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import type { ByteSource } from "../../files/byte_source.ts";
import { openParquet } from "../formats/parquet.ts";
import type { DatasetRow } from "./block.ts";
import type { RowFile } from "./shard_blocks.ts";

/**
 * Opens a parquet file, whose rows are read by its groups.
 *
 * @throws {DatasetError} If it has no token ids.
 */
export async function openParquetRows(source: ByteSource): Promise<RowFile> {
  const file = await openParquet(source);
  if (!file.columns.includes("input_ids")) {
    const found = file.columns.map((column) => JSON.stringify(column)).join(", ");
    throw new DatasetError(
      `Cannot read token ids from ${source.name}: it has no column input_ids, but ${found}; make a dataset of its texts`,
    );
  }
  const columns = ["input_ids", "attention_mask", "document_ids"].filter((name) => file.columns.includes(name));
  return {
    length: file.length,
    groupOf: (row) => [
      file.groups.findLast((group) => group <= row) ?? 0,
      file.groups.find((group) => group > row) ?? file.length,
    ],
    read: async (start, end) => {
      const rows = await file.read(start, end, columns);
      return rows.map((row, i) => asRow(row, `row ${start + i} of ${source.name}`));
    },
  };
}

/** @throws {DatasetError} If columns are no token ids. */
function asRow(row: Readonly<Record<string, unknown>>, name: string): DatasetRow {
  const numbers = (column: string): Int32Array | undefined => {
    const value = row[column];
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value) || ArrayBuffer.isView(value)) return Int32Array.from(value as ArrayLike<number>, Number);
    throw new DatasetError(`Cannot read ${name}: ${column} is no list of numbers`);
  };
  const inputIds = numbers("input_ids");
  if (!inputIds) throw new DatasetError(`Cannot read ${name}: it has no input_ids`);
  const attentionMask = numbers("attention_mask") ?? new Int32Array(inputIds.length).fill(1);
  return { inputIds, attentionMask, documentIds: numbers("document_ids") };
}
