/**
 * A shard of a dataset as a parquet file.
 *
 * @module
 */

import type { DatasetRow } from "../blocks/block.ts";
import { COLUMNS } from "./card.ts";

/** The package that writes parquet, loaded when a dataset is written. */
const writing = () => import("../packages/hyparquet_writer.ts");

/** Tokens of a group of rows, which is read together: random access costs as many. */
const GROUP_TOKENS = 1 << 16;

/** A shard that is being written. Only its bytes are kept, a group of rows at a time. */
export interface ShardWriter {
  /** Appends a row. */
  add(row: DatasetRow): void;
  /** Ends the file and gives its bytes. */
  finish(): Uint8Array;
}

/** Begins a shard of rows of so many tokens. */
export async function beginShard(seqLen: number): Promise<ShardWriter> {
  const { ByteWriter, ParquetWriter } = await writing();
  const writer = new ByteWriter();
  const file = new ParquetWriter({ writer, schema: schema(), codec: "SNAPPY", statistics: false });
  const most = Math.max(1, Math.floor(GROUP_TOKENS / seqLen));
  let rows: DatasetRow[] = [];
  const flush = () => {
    if (rows.length === 0) return;
    const columnData = [
      { name: "input_ids", data: rows.map(({ inputIds }) => Array.from(inputIds)) },
      { name: "attention_mask", data: rows.map(({ attentionMask }) => Array.from(attentionMask)) },
      {
        name: "document_ids",
        data: rows.map(({ documentIds, inputIds }) => Array.from(documentIds ?? inputIds.map(() => 0))),
      },
    ];
    file.write({ columnData, rowGroupSize: rows.length });
    rows = [];
  };
  return {
    add: (row) => {
      rows.push(row);
      if (rows.length === most) flush();
    },
    finish: () => {
      flush();
      file.finish();
      return writer.getBytes();
    },
  };
}

/** Columns of lists, spelled as Arrow spells them. */
function schema() {
  return [
    { name: "schema", num_children: Object.keys(COLUMNS).length },
    ...Object.entries(COLUMNS).flatMap(([name, type]) => [
      {
        ...{ name, repetition_type: "OPTIONAL" as const, num_children: 1 },
        ...{ converted_type: "LIST" as const, logical_type: { type: "LIST" as const } },
      },
      { name: "list", repetition_type: "REPEATED" as const, num_children: 1 },
      {
        ...{ name: "element", type: "INT32" as const, repetition_type: "OPTIONAL" as const },
        ...type === "int8" ? { converted_type: "INT_8" as const } : {},
      },
    ]),
  ];
}
