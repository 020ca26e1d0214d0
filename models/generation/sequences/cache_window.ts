/**
 * The part of each sequence that a cache holds.
 *
 * @module
 */

import type { CacheFormat } from "../../../backend/memory.ts";
import { largest } from "../../language/largest.ts";
import type { SequenceCache, TextModel } from "../text_model.ts";
import type { Resources } from "./resources.ts";

/** How a cache is made. */
export interface CacheOptions {
  /** Tokens that the cache must hold. */
  readonly capacity: number;
  /** How keys and values are kept. */
  readonly cacheDtype: CacheFormat;
}

/** Keeps a cache in step with the rows of a batch: it ends where they do, or is made anew. */
export class CacheWindow {
  readonly #model: TextModel;
  readonly #options: CacheOptions;
  readonly #resources: Resources;
  /** Where in each row the cache begins; it holds no token before. */
  #starts: number[];
  /** Where in each row the cache ends. */
  #ends: number[];

  /** @param resources Hold the cache. */
  constructor(model: TextModel, rows: number, options: CacheOptions, resources: Resources) {
    this.#model = model;
    this.#options = options;
    this.#resources = resources;
    this.#starts = Array(rows).fill(0);
    this.#ends = Array(rows).fill(0);
  }

  /** The cache; undefined before `align` and after it was dropped. */
  get cache(): SequenceCache | undefined {
    return this.#resources.cache;
  }

  /** Where in each row the cache ends; that is beyond the row's tokens while steps run ahead. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  /** Takes note that a row was cut off. The cache itself follows with `align`. */
  truncate(row: number, length: number): void {
    this.#ends[row] = Math.min(this.#ends[row] ?? 0, length);
  }

  /** Takes note of a step over `counts` tokens of each row. */
  advance(counts: readonly number[]): void {
    this.#ends = this.#ends.map((end, row) => end + (counts[row] ?? 0));
  }

  /** Frees the cache; `align` makes another. */
  drop(): void {
    this.#resources.replaceCache(undefined);
  }

  /** Gives this window, which must be new, a copy of another one's cache. */
  copy(other: CacheWindow): void {
    this.#resources.replaceCache(other.cache?.fork(this.#model.backend));
    this.#starts = [...other.#starts];
    this.#ends = [...other.#ends];
  }

  /**
   * The cache, rewound to where it holds all but the last `last` tokens of each row, or fewer; an empty one where it
   * can't be rewound.
   *
   * @param lengths Tokens of each row.
   * @param ended Whether rows stay as they are in the cache.
   */
  align(lengths: readonly number[], ended: readonly boolean[], last: number): SequenceCache {
    const { prefixLength, maxSeqLen } = this.#model.net;
    const { cache } = this;
    const active = [...lengths.keys()].filter((row) => !ended[row]);
    const lengthOf = (row: number) => lengths[row] ?? 0;
    const ends = this.#ends.map((end, row) => ended[row] ? end : Math.min(end, lengthOf(row) - last));
    const held = (row: number) => (ends[row] ?? 0) - (this.#starts[row] ?? 0);
    const isFar = active.some((row) => lengthOf(row) - (ends[row] ?? 0) >= maxSeqLen);
    if (!cache || isFar) return this.#create(lengths);
    if (cache.isEmpty) return cache;
    const positions = cache.lengths.map((length, row) => ended[row] ? length : held(row) + prefixLength);
    if (active.some((row) => held(row) <= 0) || !cache.canRewind(positions)) return this.#create(lengths);
    cache.rewind(positions);
    this.#ends = ends;
    return cache;
  }

  /** The most tokens of one row that the cache can take in a step: those that overwrite old keys must go one by one. */
  get freeTokens(): number {
    const { cache } = this;
    if (!cache) return 0;
    const prefix = cache.isEmpty ? this.#model.net.prefixLength : 0;
    return Math.max(1, cache.capacity - largest(cache.lengths) - prefix);
  }

  /** An empty cache for the last tokens of rows of these lengths. */
  #create(lengths: readonly number[]): SequenceCache {
    this.drop(); // Two caches at once might not fit.
    const { backend, net } = this.#model;
    this.#starts = lengths.map((length) => Math.max(0, length - net.maxSeqLen));
    this.#ends = [...this.#starts];
    const cache = net.createCache(backend, lengths.length, this.#options.capacity, this.#options.cacheDtype);
    this.#resources.replaceCache(cache);
    return cache;
  }
}
