/**
 * Merges of byte-pair encoding: which pairs are joined, in which order, and into what.
 *
 * @module
 */

/** Stands for no place and no rank. */
const NONE = -1;

/**
 * A queue's entry is rank × this + place, so that numbers compare as Rust's queue does: by rank, then from the left.
 */
const PLACES = 2 ** 31;

/** Pairs of ids in a hash table of integers: half a million take 50 ms, a map with keys of texts half a second. */
export class MergeTable {
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  readonly #ranks: Int32Array;
  readonly #mask: number;
  /** The id that the merge of a rank makes. */
  readonly #results: Int32Array;

  /** A table for so many merges. */
  constructor(merges: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * merges + 2));
    this.#lefts = new Int32Array(size);
    this.#rights = new Int32Array(size);
    this.#ranks = new Int32Array(size).fill(NONE);
    this.#mask = size - 1;
    this.#results = new Int32Array(merges);
  }

  /** Adds a merge. The last of equal pairs counts. */
  set(left: number, right: number, rank: number, result: number): void {
    const slot = this.#slotOf(left, right);
    this.#lefts[slot] = left;
    this.#rights[slot] = right;
    this.#ranks[slot] = rank;
    this.#results[rank] = result;
  }

  /** Joins pairs until none is left that the table has. */
  merge(ids: number[]): number[] {
    const count = ids.length;
    if (count < 2) return ids;
    const symbols = Int32Array.from(ids);
    const previous = Int32Array.from(symbols, (_, place) => place - 1);
    const next = Int32Array.from(symbols, (_, place) => place + 1 < count ? place + 1 : NONE);
    const queue = new Queue();
    const offer = (place: number, right: number): void => {
      const rank = this.#rankOf(symbols[place] ?? 0, symbols[right] ?? 0);
      if (rank !== NONE) queue.push(rank * PLACES + place);
    };
    for (let place = 0; place + 1 < count; place++) offer(place, place + 1);

    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const place = entry % PLACES;
      const result = this.#results[(entry - place) / PLACES] ?? 0;
      const right = next[place] ?? NONE;
      // An entry is out of date if its pair is no longer there.
      if (symbols[place] === NONE || right === NONE) continue;
      const rank = this.#rankOf(symbols[place] ?? 0, symbols[right] ?? 0);
      if (rank === NONE || this.#results[rank] !== result) continue;

      symbols[place] = result;
      symbols[right] = NONE;
      const after = next[right] ?? NONE;
      next[place] = after;
      const before = previous[place] ?? NONE;
      if (before !== NONE) offer(before, place);
      if (after === NONE) continue;
      previous[after] = place;
      offer(place, after);
    }
    return Array.from(symbols.filter((symbol) => symbol !== NONE));
  }

  #rankOf(left: number, right: number): number {
    return this.#ranks[this.#slotOf(left, right)] ?? NONE;
  }

  /** Where a pair is, or would be. */
  #slotOf(left: number, right: number): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#ranks[slot] !== NONE && (this.#lefts[slot] !== left || this.#rights[slot] !== right)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}

/** A binary heap: the least number comes first. */
class Queue {
  readonly #heap: number[] = [];

  push(value: number): void {
    const heap = this.#heap;
    let index = heap.push(value) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const other = heap[parent] ?? 0;
      if (other <= value) break;
      heap[index] = other;
      index = parent;
    }
    heap[index] = value;
  }

  pop(): number | undefined {
    const heap = this.#heap;
    const least = heap[0];
    const value = heap.pop();
    if (value === undefined || heap.length === 0) return least;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
      const other = heap[child] ?? 0;
      if (other >= value) break;
      heap[index] = other;
      index = child;
    }
    heap[index] = value;
    return least;
  }
}
