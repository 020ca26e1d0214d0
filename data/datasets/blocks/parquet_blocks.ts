/**
 * Rows of a dataset that is in parquet files.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import type { ParquetFile } from "../formats/parquet.ts";
import type { Shard } from "../folder/manifest.ts";
import type { Blocks, DatasetRow } from "./block.ts";

/** Groups of rows that are kept, so that neighbors are read once. */
const KEPT_GROUPS = 4;

/** Opens a shard. */
export type OpenShard = (path: string) => Promise<ParquetFile>;

/** Rows of parquet files, one file after the other. */
export class ParquetBlocks implements Blocks {
  readonly length: number;
  readonly seqLen: number;
  readonly #shards: readonly { readonly first: number; readonly path: string; readonly rows: number }[];
  readonly #open: OpenShard;
  readonly #files = new Map<string, Promise<ParquetFile>>();
  /** The rows of groups by the first one's index, the one that was used last at the end. */
  readonly #groups = new Map<number, Promise<DatasetRow[]>>();

  constructor(shards: readonly Shard[], seqLen: number, open: OpenShard) {
    let length = 0;
    this.#shards = shards.map(({ path, rows }) => {
      const first = length;
      length += rows;
      return { first, path, rows };
    });
    this.length = length;
    this.seqLen = seqLen;
    this.#open = open;
  }

  async read(index: number): Promise<DatasetRow> {
    const shard = this.#shards.findLast(({ first }) => first <= index);
    if (!shard || index >= this.length) throw new RangeError(`Cannot read row ${index}: there are ${this.length}`);
    const file = await this.#file(shard.path, shard.rows);
    const start = file.groups.findLast((group) => group <= index - shard.first) ?? 0;
    const end = file.groups.find((group) => group > start) ?? file.length;
    const row = (await this.#group(shard.first + start, () => readGroup(file, start, end, shard.path)))[
      index - shard.first - start
    ];
    if (!row) throw new DatasetError(`Cannot read row ${index}: ${shard.path} lacks it`);
    const { inputIds, attentionMask, documentIds } = row;
    return { inputIds: inputIds.slice(), attentionMask: attentionMask.slice(), documentIds: documentIds?.slice() };
  }

  /** A file, opened once; one that could not be opened is tried anew. */
  #file(path: string, rows: number): Promise<ParquetFile> {
    const known = this.#files.get(path);
    if (known) return known;
    const opening = (async () => {
      const file = await this.#open(path);
      if (file.length === rows) return file;
      throw new DatasetError(`Cannot read ${path}: it has ${file.length} rows where ${rows} are expected`);
    })();
    this.#files.set(path, opening);
    opening.catch(() => this.#files.delete(path));
    return opening;
  }

  #group(first: number, read: () => Promise<DatasetRow[]>): Promise<DatasetRow[]> {
    const known = this.#groups.get(first);
    this.#groups.delete(first);
    const rows = known ?? read();
    this.#groups.set(first, rows);
    rows.catch(() => this.#groups.delete(first));
    const [oldest] = this.#groups.keys();
    if (this.#groups.size > KEPT_GROUPS && oldest !== undefined) this.#groups.delete(oldest);
    return rows;
  }
}

async function readGroup(file: ParquetFile, start: number, end: number, path: string): Promise<DatasetRow[]> {
  const columns = ["input_ids", "attention_mask", "document_ids"].filter((name) => file.columns.includes(name));
  const rows = await file.read(start, end, columns);
  return rows.map((row, i) => {
    const numbers = (name: string): Int32Array | undefined => {
      const value = row[name];
      if (value === undefined || value === null) return undefined;
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return Int32Array.from(value as ArrayLike<number>, Number);
      throw new DatasetError(`Cannot read row ${start + i} of ${path}: ${name} is no list of numbers`);
    };
    const inputIds = numbers("input_ids");
    if (!inputIds) throw new DatasetError(`Cannot read row ${start + i} of ${path}: it has no input_ids`);
    const attentionMask = numbers("attention_mask") ?? new Int32Array(inputIds.length).fill(1);
    return { inputIds, attentionMask, documentIds: numbers("document_ids") };
  });
}
