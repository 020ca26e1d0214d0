/**
 * How far a build is, and when it will end.
 *
 * @module
 */

import type { TextCounts } from "./filtering/text_counts.ts";
import type { TextSource } from "./sources/text_source.ts";

/**
 * How far a build is. All is counted from the beginning of the dataset, with what an earlier call has done that this
 * one goes on from.
 *
 * @category Data
 */
export interface BuildProgress extends TextCounts {
  /** Rows that are done. */
  readonly rows: number;
  /** Tokens in them, without padding. */
  readonly tokens: number;
  /** Tokens a second of this call. */
  readonly tokensPerSecond: number;
  /** Bytes of the files that were read, as they are stored. */
  readonly bytes: number;
  /** Bytes of all files; nothing where they are not known, as those of texts at hand. */
  readonly totalBytes: number | undefined;
  /** Seconds until the end, by the speed of this call so far; nothing where that is not known. */
  readonly secondsLeft: number | undefined;
}

/** Bytes of a source as they are read, file by file. */
export class ReadBytes {
  /** Of all files, if that of each is known. */
  readonly total: number | undefined;
  readonly #sizes: readonly (number | undefined)[];
  /** Those that this call does not read. */
  readonly #before: number;
  readonly #began = performance.now();
  #finished: number;
  #current = 0;

  /**
   * Counts from 0 on.
   *
   * @param sizes Bytes of the files, where they are known.
   * @param first Index of the file that is read first.
   */
  constructor(sizes: readonly (number | undefined)[], first: number) {
    this.#sizes = sizes;
    this.total = sizes.length === 0 ? undefined : sizes.reduce((sum, size) => add(sum, size), 0);
    this.#before = this.#finished = bytesBefore(sizes, first);
  }

  /** Bytes that were read, with those of files before the first. */
  get bytes(): number {
    return this.#finished + this.#current;
  }

  /** Seconds until all is read. */
  get secondsLeft(): number | undefined {
    const read = this.bytes - this.#before;
    if (this.total === undefined || read === 0) return undefined;
    return (performance.now() - this.#began) / 1000 * (this.total - this.bytes) / read;
  }

  /** Counts bytes of a file, up to its size: some are read twice, as those at the end of a parquet file are. */
  read(file: number, bytes: number): void {
    this.#current = Math.min(this.#current + bytes, this.#sizes[file] ?? Infinity);
  }

  /** Counts a file as read, however much of it had to be. */
  finish(file: number): void {
    this.#finished += this.#sizes[file] ?? this.#current;
    this.#current = 0;
  }
}

/** Bytes of the files of a source, where they are known beforehand. */
export async function sizesOf({ files }: TextSource): Promise<(number | undefined)[]> {
  // A file whose size can't be read tells why when its turn comes.
  return await Promise.all(files.map(({ size }) => size?.().catch(() => undefined)));
}

/** Bytes of the files before one, as far as they are known. */
export function bytesBefore(sizes: readonly (number | undefined)[], file: number): number {
  return sizes.slice(0, file).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
