/**
 * Rows of a dataset that is in files.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import type { Shard } from "../folder/manifest.ts";
import type { Blocks, DatasetRow } from "./block.ts";

/** Groups of rows that are kept, so that neighbors are read once. */
const KEPT_GROUPS = 4;

/** A file of rows that is open. */
export interface RowFile {
  /** Rows that it has. */
  readonly length: number;
  /** The first of the rows that are read together with one, and the first behind them. */
  groupOf(row: number): readonly [start: number, end: number];
  /** Reads rows from one up to another. */
  read(start: number, end: number): Promise<DatasetRow[]>;
}

/** Rows of files, one file after the other. */
export class ShardBlocks implements Blocks {
  readonly length: number;
  readonly seqLen: number;
  readonly #shards: readonly { readonly first: number; readonly path: string; readonly rows: number }[];
  readonly #open: (path: string) => Promise<RowFile>;
  readonly #files = new Map<string, Promise<RowFile>>();
  /** The rows of groups by the first one's index, the one that was used last at the end. */
  readonly #groups = new Map<number, Promise<DatasetRow[]>>();

  /** @param open Opens a shard by its path. */
  constructor(shards: readonly Shard[], seqLen: number, open: (path: string) => Promise<RowFile>) {
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
    const [start, end] = file.groupOf(index - shard.first);
    const group = await this.#group(shard.first + start, () => file.read(start, end));
    const row = group[index - shard.first - start];
    if (!row) throw new DatasetError(`Cannot read row ${index}: ${shard.path} lacks it`);
    const { inputIds, attentionMask, documentIds } = row;
    return { inputIds: inputIds.slice(), attentionMask: attentionMask.slice(), documentIds: documentIds?.slice() };
  }

  /** A file, opened once; one that could not be opened is tried anew. */
  #file(path: string, rows: number): Promise<RowFile> {
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
