/**
 * Blocks of tokens: the rows of a dataset that is ready for training.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";

/** The document number of padding. */
export const NO_DOCUMENT = -1;

/**
 * A row of a dataset.
 *
 * @category Data
 */
export interface DatasetRow {
  /** Token ids: [n], n = `seqLen` in all rows but the last of a dataset that was built with `remainder: "keep"`. */
  readonly inputIds: Int32Array;
  /** 1 where `inputIds` holds a token of a text, 0 where it holds padding: [n]. */
  readonly attentionMask: Int32Array;
  /**
   * Which document each token belongs to: [n], counted from 0 within the row, -1 where there is padding. Training can
   * keep documents from attending to each other by it, and restart their positions. Datasets of others may lack it.
   */
  readonly documentIds?: Int32Array | undefined;
}

/** Rows that can be read in any order. */
export interface Blocks {
  /** How many there are. */
  readonly length: number;
  /** Tokens of a row, at most. */
  readonly seqLen: number;
  /** Reads a row, by an index below `length`. What it gives is the caller's. */
  read(index: number): Promise<DatasetRow>;
}

/** Rows in memory. */
export class MemoryBlocks implements Blocks {
  readonly seqLen: number;
  readonly #rows: readonly DatasetRow[];

  constructor(rows: readonly DatasetRow[], seqLen: number) {
    this.#rows = rows;
    this.seqLen = seqLen;
  }

  get length(): number {
    return this.#rows.length;
  }

  read(index: number): Promise<DatasetRow> {
    const row = this.#rows[index];
    if (!row) return Promise.reject(new RangeError(`Cannot read row ${index}: there are ${this.length}`));
    return Promise.resolve(copyOf(row));
  }
}

/** Some of the rows of others, in an order of their own. */
export class SelectedBlocks implements Blocks {
  readonly length: number;
  readonly #blocks: Blocks;
  readonly #indexOf: (index: number) => number;

  /** @param indexOf The index, among the others, of each row here. */
  constructor(blocks: Blocks, length: number, indexOf: (index: number) => number) {
    this.length = length;
    this.#blocks = blocks;
    this.#indexOf = indexOf;
  }

  get seqLen(): number {
    return this.#blocks.seqLen;
  }

  read(index: number): Promise<DatasetRow> {
    return this.#blocks.read(this.#indexOf(index));
  }
}

/** The rows of others, changed as they are read. */
export class MappedBlocks implements Blocks {
  readonly #blocks: Blocks;
  readonly #map: (row: DatasetRow, index: number) => DatasetRow | Promise<DatasetRow>;

  constructor(blocks: Blocks, map: (row: DatasetRow, index: number) => DatasetRow | Promise<DatasetRow>) {
    this.#blocks = blocks;
    this.#map = map;
  }

  get length(): number {
    return this.#blocks.length;
  }

  get seqLen(): number {
    return this.#blocks.seqLen;
  }

  async read(index: number): Promise<DatasetRow> {
    return await this.#map(await this.#blocks.read(index), index);
  }
}

/** Tokens of a row, without padding. */
export function tokensOf({ attentionMask }: DatasetRow): number {
  return attentionMask.reduce((sum, bit) => sum + bit, 0);
}

/** Whether a value is a row, for those that callers make. */
export function isRow(value: unknown): value is DatasetRow {
  if (!isRecord(value)) return false;
  const { inputIds, attentionMask, documentIds } = value;
  return inputIds instanceof Int32Array && attentionMask instanceof Int32Array &&
    attentionMask.length === inputIds.length &&
    (documentIds === undefined || (documentIds instanceof Int32Array && documentIds.length === inputIds.length));
}

function copyOf({ inputIds, attentionMask, documentIds }: DatasetRow): DatasetRow {
  return { inputIds: inputIds.slice(), attentionMask: attentionMask.slice(), documentIds: documentIds?.slice() };
}
