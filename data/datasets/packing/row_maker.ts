/**
 * From documents to the rows of shards.
 *
 * Documents end to end need no more memory than a row. Where they are shuffled, or fitted into rows, as many are held
 * as a shard takes. A shard ends with them, so that a build goes on from its end with nothing held but what is said to
 * be waiting.
 *
 * @module
 */

import type { DatasetRow } from "../blocks/block.ts";
import { rowOf } from "../blocks/documents.ts";
import { shuffled } from "../shuffle.ts";
import { bestFit } from "./best_fit.ts";
import { Packer, type Remainder } from "./packer.ts";

/**
 * How documents come into rows. "concatenate": end to end, cut wherever a row ends. "bestFit": none that fits into a
 * row is cut; longer ones fill rows of their own, up to their last piece. What no document fits into is padded.
 *
 * @category Data
 */
export type Packing = "concatenate" | "bestFit";

/** How rows are made. */
export interface RowOptions {
  readonly packing: Packing;
  /** Tokens of a row. */
  readonly seqLen: number;
  readonly remainder: Remainder;
  /** The token that pads rows. */
  readonly padId: number;
  /** Rows of a shard. */
  readonly shardRows: number;
  /** Decides on the order of the documents of a shard; nothing where they stay in theirs. */
  readonly seed: number | undefined;
  /** Keeps the orders of several makers with one seed apart. */
  readonly name: string;
  /** Whether `waiting` is asked for at other moments than when a shard has ended. */
  readonly keepsWaiting: boolean;
}

/** A row. */
export interface MadeRow {
  readonly row: DatasetRow;
  /** How many tokens of the document that was added last are in rows, or held, by now. */
  readonly taken: number;
  /** Whether it is the last one of its shard. */
  readonly endsShard: boolean;
}

/** Makes rows of documents. */
export interface RowMaker {
  /** Takes a document, or what is left of it; gives each row that is made by then. */
  add(tokens: Int32Array): Iterable<MadeRow>;
  /** Gives the rows of what is left when all documents were added. */
  end(): Iterable<MadeRow>;
  /** What was added since a shard ended, without what is in it: a new maker to which it is added is like this one. */
  waiting(): readonly Int32Array[];
}

/**
 * A maker of rows.
 *
 * @param shards Shards that were made before.
 */
export function rowMaker(options: RowOptions, shards: number): RowMaker {
  const isStream = options.packing === "concatenate" && options.seed === undefined;
  return isStream ? new StreamRows(options) : new WindowRows(options, shards);
}

/** Documents end to end, as they come. */
class StreamRows implements RowMaker {
  readonly #options: RowOptions;
  readonly #packer: Packer;
  #rows = 0;
  #waiting: Int32Array[] = [];

  constructor(options: RowOptions) {
    this.#options = options;
    this.#packer = new Packer(options.seqLen);
  }

  *add(tokens: Int32Array): Generator<MadeRow> {
    let begin = 0;
    for (const { row, taken } of this.#packer.add(tokens)) {
      const endsShard = this.#count();
      if (endsShard) [this.#waiting, begin] = [[], taken];
      yield { row, taken, endsShard };
    }
    if (this.#options.keepsWaiting && begin < tokens.length) this.#waiting.push(tokens.slice(begin));
  }

  *end(): Generator<MadeRow> {
    const row = this.#packer.end(this.#options.remainder, this.#options.padId);
    if (row) yield { row, taken: 0, endsShard: this.#count() };
  }

  waiting(): readonly Int32Array[] {
    return this.#waiting;
  }

  /** Counts a row; says whether it is the last one of its shard. */
  #count(): boolean {
    this.#rows = (this.#rows + 1) % this.#options.shardRows;
    return this.#rows === 0;
  }
}

/** The documents of a shard, held until they are as many as it takes. */
class WindowRows implements RowMaker {
  readonly #options: RowOptions;
  #shards: number;
  #documents: Int32Array[] = [];
  #tokens = 0;

  constructor(options: RowOptions, shards: number) {
    this.#options = options;
    this.#shards = shards;
  }

  *add(tokens: Int32Array): Generator<MadeRow> {
    const most = this.#options.shardRows * this.#options.seqLen;
    for (let taken = 0; taken < tokens.length;) {
      const piece = tokens.slice(taken, taken + most);
      this.#hold([piece]);
      taken += piece.length;
      if (this.#tokens >= most) yield* this.#endShard(taken, false);
    }
  }

  *end(): Generator<MadeRow> {
    yield* this.#endShard(0, true);
  }

  waiting(): readonly Int32Array[] {
    return this.#documents;
  }

  #hold(documents: readonly Int32Array[]): void {
    this.#documents.push(...documents);
    this.#tokens += documents.reduce((sum, { length }) => sum + length, 0);
  }

  /** The rows of a shard. What fills none waits for the next one, unless there is none. */
  *#endShard(taken: number, isLast: boolean): Generator<MadeRow> {
    const { packing, seqLen, seed, name } = this.#options;
    const held = this.#documents;
    const order = seed === undefined ? undefined : shuffled(held.length, seed, `${name} ${this.#shards}`);
    const documents = held.map((document, i) => held[order?.[i] ?? i] ?? document);
    this.#shards += 1;
    [this.#documents, this.#tokens] = [[], 0];
    let last: DatasetRow | undefined;
    const rows = packing === "bestFit" ? this.#fitted(documents) : this.#joined(documents, isLast);
    for (const row of rows) {
      if (last) yield { row: last, taken, endsShard: false };
      last = row;
    }
    if (packing === "concatenate" && !isLast) this.#hold(lastTokens(documents, seqLen));
    if (last) yield { row: last, taken, endsShard: true };
  }

  *#joined(documents: readonly Int32Array[], isLast: boolean): Generator<DatasetRow> {
    const { seqLen, remainder, padId } = this.#options;
    const packer = new Packer(seqLen);
    for (const document of documents) for (const { row } of packer.add(document)) yield row;
    const rest = isLast ? packer.end(remainder, padId) : undefined;
    if (rest) yield rest;
  }

  *#fitted(documents: readonly Int32Array[]): Generator<DatasetRow> {
    const { seqLen, padId } = this.#options;
    const pieces = documents.flatMap((document) => cut(document, seqLen));
    for (const indices of bestFit(pieces.map(({ length }) => length), seqLen)) {
      const inputIds = new Int32Array(seqLen).fill(padId);
      const ends: number[] = [];
      let end = 0;
      for (const index of indices) {
        const piece = pieces[index] ?? new Int32Array();
        inputIds.set(piece, end);
        end += piece.length;
        ends.push(end);
      }
      yield rowOf(inputIds, ends);
    }
  }
}

/** A document in pieces of a row each, the last of what is left. */
function cut(document: Int32Array, seqLen: number): Int32Array[] {
  return Array.from(
    { length: Math.ceil(document.length / seqLen) },
    (_, i) => document.subarray(i * seqLen, (i + 1) * seqLen),
  );
}

/** The tokens that fill no row when documents are joined, by their documents. */
function lastTokens(documents: readonly Int32Array[], seqLen: number): Int32Array[] {
  let left = documents.reduce((sum, { length }) => sum + length, 0) % seqLen;
  const pieces: Int32Array[] = [];
  for (let i = documents.length - 1; left > 0; i--) {
    const piece = documents[i]?.slice(-left) ?? new Int32Array();
    pieces.unshift(piece);
    left -= piece.length;
  }
  return pieces;
}
