/**
 * A shard of a dataset as a parquet file.
 *
 * The package that writes parquet takes values one by one, which costs 650 ns a token; the pages of a column of lists
 * of integers are laid out here instead, for 45 ns. Integers are packed as differences: ids of a vocabulary of 50,000
 * take 17 bits, and what repeats or counts up takes next to none.
 *
 * @module
 */

import type { DatasetRow } from "../blocks/block.ts";
import { COLUMNS } from "./card.ts";
import type { ShardWriter } from "./format.ts";

/** The package that writes parquet, loaded when a dataset is written. */
const writing = () => import("../packages/hyparquet_writer.ts");

type Parquet = Awaited<ReturnType<typeof writing>>;
type ByteWriter = InstanceType<Parquet["ByteWriter"]>;
type ColumnChunk = InstanceType<Parquet["ParquetWriter"]>["row_groups"][number]["columns"][number];

/** Tokens of a group of rows, which is read together: random access costs as many. */
const GROUP_TOKENS = 1 << 16;

/** Levels of a column of lists: what repeats its row, how much of an empty list is there, and of a number in one. */
const [REPEATS, EMPTY, PRESENT] = [1, 1, 3];

/** The names of a column's lists and of their numbers, as Arrow spells them. */
const [LIST, ELEMENT] = ["list", "element"];

/** Begins a shard of rows of so many tokens, a group of rows at a time. */
export async function beginParquet(seqLen: number): Promise<ShardWriter> {
  const parquet = await writing();
  const writer = new parquet.ByteWriter();
  const file = new parquet.ParquetWriter({ writer, schema: schema(), codec: "UNCOMPRESSED", statistics: false });
  const most = Math.max(1, Math.floor(GROUP_TOKENS / seqLen));
  const pieces: Uint8Array[] = [];
  let rows: DatasetRow[] = [];
  const take = () => {
    pieces.push(writer.getBytes().slice());
    writer.index = 0;
  };
  const flush = () => {
    if (rows.length === 0) return;
    const lists = {
      input_ids: rows.map(({ inputIds }) => inputIds),
      attention_mask: rows.map(({ attentionMask }) => attentionMask),
      document_ids: rows.map(({ documentIds, inputIds }) => documentIds ?? new Int32Array(inputIds.length)),
    };
    const start = writer.offset;
    const columns = Object.entries(lists).map(([name, each]) => writeColumn(parquet, writer, name, each));
    const bytes = BigInt(writer.offset - start);
    const num_rows = BigInt(rows.length);
    file.row_groups.push({ columns, num_rows, total_byte_size: bytes, total_compressed_size: bytes });
    file.num_rows += num_rows;
    rows = [];
    take();
  };
  return {
    add: (row) => {
      rows.push(row);
      if (rows.length === most) flush();
    },
    finish: () => {
      flush();
      file.finish();
      take();
      return pieces;
    },
  };
}

/** Writes lists as a column of one page. */
function writeColumn(
  { ByteWriter, deltaBinaryPack, writePageHeader }: Parquet,
  writer: ByteWriter,
  name: string,
  lists: readonly Int32Array[],
): ColumnChunk {
  const [repetition, definition, values] = [new ByteWriter(), new ByteWriter(), new ByteWriter()];
  for (const { length } of lists) {
    appendRun(repetition, 0, 1);
    appendRun(repetition, REPEATS, length - 1);
    appendRun(definition, length === 0 ? EMPTY : PRESENT, Math.max(1, length));
  }
  const numbers = concatenate(lists);
  deltaBinaryPack(values, numbers, "INT32");
  const empty = lists.filter(({ length }) => length === 0).length;
  const parts = [repetition, definition, values];
  const size = parts.reduce((sum, { offset }) => sum + offset, 0);
  const start = writer.offset;
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header_v2: {
      num_values: numbers.length + empty,
      num_nulls: empty,
      num_rows: lists.length,
      encoding: "DELTA_BINARY_PACKED",
      definition_levels_byte_length: definition.offset,
      repetition_levels_byte_length: repetition.offset,
      is_compressed: false,
    },
  });
  for (const part of parts) writer.appendBytes(part.getBytes());
  const bytes = BigInt(writer.offset - start);
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: "INT32",
      encodings: ["RLE", "DELTA_BINARY_PACKED"],
      path_in_schema: [name, LIST, ELEMENT],
      codec: "UNCOMPRESSED",
      num_values: BigInt(numbers.length + empty),
      total_uncompressed_size: bytes,
      total_compressed_size: bytes,
      data_page_offset: BigInt(start),
    },
  };
}

/** Appends a level that comes `count` times in a row, as parquet's run-length encoding has it. */
function appendRun(writer: ByteWriter, level: number, count: number): void {
  if (count < 1) return;
  writer.appendVarInt(count << 1);
  writer.appendUint8(level);
}

function concatenate(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
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
      { name: LIST, repetition_type: "REPEATED" as const, num_children: 1 },
      {
        ...{ name: ELEMENT, type: "INT32" as const, repetition_type: "OPTIONAL" as const },
        ...type === "int8" ? { converted_type: "INT_8" as const } : {},
      },
    ]),
  ];
}
