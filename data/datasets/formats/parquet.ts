/**
 * Rows of parquet files, which are read by ranges of bytes and never whole.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { type ByteSource, messageOf } from "../../files/byte_source.ts";
import { readRange } from "./ranges.ts";

/** The packages that read parquet, loaded by those who have such a file. */
const reading = () => import("../packages/hyparquet.ts");
const decompressing = () => import("../packages/hyparquet_compressors.ts");

/** Bytes of a file's end that are read first: what it says of itself is rarely longer. */
const END_BYTES = 1 << 17;

/** Codecs that the reader has itself. */
const BUILT_IN = ["UNCOMPRESSED", "SNAPPY"];

/** A parquet file that is open. */
export interface ParquetFile {
  /** Rows that it has. */
  readonly length: number;
  /** The first row of each group of rows: what is read together. */
  readonly groups: readonly number[];
  /** The bytes that a column takes in each of them when it is decompressed. */
  bytesOf(column: string): readonly number[];
  /** Names of its columns. */
  readonly columns: readonly string[];
  /** Reads rows from one up to another, as objects of columns. */
  read(start: number, end: number, columns: readonly string[]): Promise<Record<string, unknown>[]>;
}

/**
 * Opens a parquet file.
 *
 * @throws {DatasetError} Where it is none, or broken.
 */
export async function openParquet(source: ByteSource, signal?: AbortSignal): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await reading();
  const { name, size: byteLength } = source;
  /** Gives what is read of the file, or an error that says of which part nothing can be. */
  const attempt = async <T>(part: string, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (cause) {
      signal?.throwIfAborted();
      throw new DatasetError(`Cannot read ${part} as parquet: ${messageOf(cause)}`, { cause });
    }
  };
  if (byteLength === undefined) {
    throw new DatasetError(`Cannot read ${name} as parquet: its size is not known, and its end is read first`);
  }
  const file = { byteLength, slice: (start: number, end = byteLength) => readRange(source, start, end, signal) };
  const { metadata, columns, codecs } = await attempt(name, async () => {
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: END_BYTES });
    const chunks = metadata.row_groups.flatMap(({ columns }) => columns);
    return {
      metadata,
      columns: parquetSchema(metadata).children.map(({ element }) => element.name),
      codecs: chunks.map(({ meta_data }) => meta_data?.codec ?? ""),
    };
  });
  const compressors = codecs.every((codec) => BUILT_IN.includes(codec)) ? {} : (await decompressing()).compressors;
  const groups: number[] = [];
  let length = 0;
  for (const { num_rows } of metadata.row_groups) {
    groups.push(length);
    length += Number(num_rows);
  }
  if (length !== Number(metadata.num_rows) || metadata.row_groups.some(({ num_rows }) => num_rows < 0n)) {
    throw new DatasetError(`Cannot read ${name} as parquet: its groups have ${length} rows, and it says otherwise`);
  }
  return {
    length,
    groups,
    columns,
    bytesOf: (name) =>
      metadata.row_groups.map(({ columns }) => {
        const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === name);
        return Number(chunk?.meta_data?.total_uncompressed_size ?? 0);
      }),
    read: async (rowStart, rowEnd, columns) => {
      const part = `rows ${rowStart} to ${rowEnd - 1} of ${name}`;
      const options = { file, metadata, compressors, columns: [...columns], rowStart, rowEnd };
      const rows = await attempt(part, () => parquetReadObjects(options));
      if (rows.length === rowEnd - rowStart) return rows;
      throw new DatasetError(`Cannot read ${part} as parquet: its pages hold ${rows.length} of them`);
    },
  };
}

/** The first rows of groups between which a column takes so many bytes or a little more. */
export async function* groupsEvery(
  bytes: number,
  source: ByteSource,
  column: string,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly row: number }> {
  const file = await openParquet(source, signal);
  const groupBytes = file.bytesOf(column);
  let taken = 0;
  for (const [i, row] of file.groups.entries()) {
    if (taken >= bytes) {
      yield { row };
      taken = 0;
    }
    taken += groupBytes[i] ?? 0;
  }
}

/**
 * The rows of a parquet file, from a row on.
 *
 * @param columns Those that are wanted; a column that the file lacks is left out of its rows.
 */
export async function* parquetRows(
  source: ByteSource,
  from: number,
  columns: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<Record<string, unknown>> {
  const file = await openParquet(source, signal);
  const missing = columns.find((column) => !file.columns.includes(column));
  if (missing !== undefined) {
    throw new DatasetError(
      `Cannot read the column ${JSON.stringify(missing)} of ${source.name}: its columns are ${
        file.columns.map((column) => JSON.stringify(column)).join(", ")
      }; name another as textColumn`,
    );
  }
  for (const [group, start] of file.groups.entries()) {
    const end = file.groups[group + 1] ?? file.length;
    if (end <= from) continue;
    signal?.throwIfAborted();
    yield* await file.read(Math.max(start, from), end, columns);
  }
}
