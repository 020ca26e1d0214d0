/**
 * Merges of byte-pair encoding: which pairs are joined, in which order, and into what.
 *
 * @module
 */

/** Stands for no place and no rank. */
const NONE = -1;

/** Integers of a slot: the pair, and the merge's rank and result. They lie in one line of the processor's cache. */
const SLOT = 4;

/** Up to this many symbols the least rank is sought among all: faster than a queue, which a word of 1 MB needs. */
const SHORT = 128;

/** Pairs of ids in a hash table of integers: half a million take 50 ms, a map with keys of texts half a second. */
export class MergeTable {
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** The ranks of a short word's pairs. */
  readonly #ranks = new Int32Array(SHORT);

  /** A table for so many merges. */
  constructor(merges: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * merges + 2));
    this.#slots = new Int32Array(size * SLOT).fill(NONE);
    this.#mask = size - 1;
  }

  /** Adds a merge. The last of equal pairs counts. */
  set(left: number, right: number, rank: number, result: number): void {
    this.#slots.set([left, right, rank, result], this.#slotOf(left, right));
  }

  /**
   * Joins pairs until none is left that the table has: first those of the least rank, of these the leftmost.
   *
   * @param symbols Ids, which are replaced.
   * @param count How many there are.
   * @returns How many are left.
   */
  merge(symbols: Int32Array, count: number): number {
    return count <= SHORT ? this.#mergeShort(symbols, count) : this.#mergeLong(symbols, count);
  }

  #mergeShort(symbols: Int32Array, count: number): number {
    const ranks = this.#ranks;
    for (let place = 0; place + 1 < count; place++) ranks[place] = this.#rankAt(symbols, place, place + 1);
    for (;;) {
      let best = NONE;
      let least = NO_RANK;
      for (let place = 0; place + 1 < count; place++) {
        const rank = ranks[place] ?? NO_RANK;
        if (rank < least) {
          least = rank;
          best = place;
        }
      }
      if (best === NONE) return count;
      symbols[best] = this.#resultOf(symbols[best] ?? 0, symbols[best + 1] ?? 0);
      count--;
      for (let place = best + 1; place < count; place++) {
        symbols[place] = symbols[place + 1] ?? 0;
        ranks[place] = ranks[place + 1] ?? 0;
      }
      if (best > 0) ranks[best - 1] = this.#rankAt(symbols, best - 1, best);
      if (best + 1 < count) ranks[best] = this.#rankAt(symbols, best, best + 1);
    }
  }

  /** Symbols in a linked list, and their pairs in a queue: n symbols take n log n steps. */
  #mergeLong(symbols: Int32Array, count: number): number {
    const previous = new Int32Array(count);
    const next = new Int32Array(count);
    // Each merge takes one pair out and puts at most two in.
    const queue = new Queue(2 * count);
    for (let place = 0; place < count; place++) {
      previous[place] = place - 1;
      next[place] = place + 1 < count ? place + 1 : NONE;
      if (place + 1 < count) queue.add(this.#rankAt(symbols, place, place + 1), place);
    }

    while (queue.pop()) {
      const { rank, place } = queue;
      const right = next[place] ?? NONE;
      // An entry is out of date if its pair is no longer there.
      if (symbols[place] === NONE || right === NONE || this.#rankAt(symbols, place, right) !== rank) continue;

      symbols[place] = this.#resultOf(symbols[place] ?? 0, symbols[right] ?? 0);
      symbols[right] = NONE;
      const [before, after] = [previous[place] ?? NONE, next[right] ?? NONE];
      next[place] = after;
      if (before !== NONE) queue.add(this.#rankAt(symbols, before, place), before);
      if (after === NONE) continue;
      previous[after] = place;
      queue.add(this.#rankAt(symbols, place, after), place);
    }
    let kept = 0;
    for (let place = 0; place !== NONE; place = next[place] ?? NONE) symbols[kept++] = symbols[place] ?? 0;
    return kept;
  }

  /** The rank of the pair at two places. */
  #rankAt(symbols: Int32Array, left: number, right: number): number {
    const rank = this.#slots[this.#slotOf(symbols[left] ?? 0, symbols[right] ?? 0) + 2] ?? NONE;
    return rank === NONE ? NO_RANK : rank;
  }

  #resultOf(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right) + 3] ?? NONE;
  }

  /** Where a pair is, or would be. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    const hash = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0;
    let slot = ((hash ^ (hash >>> 15)) & this.#mask) * SLOT;
    while (slots[slot] !== NONE && (slots[slot] !== left || slots[slot + 1] !== right)) {
      slot = (slot + SLOT) % slots.length;
    }
    return slot;
  }
}

/** The rank of a pair that is not joined: above all others. */
const NO_RANK = 2 ** 31 - 1;

/** An entry of the queue is rank × this + place, so that numbers compare as Rust's do: by rank, then from the left. */
const PLACES = 2 ** 31;

/** A binary heap of pairs: the one of the least rank comes first, of these the leftmost. */
class Queue {
  readonly #heap: Float64Array;
  #length = 0;
  /** The rank of the pair that was popped. */
  rank = NO_RANK;
  /** Its place. */
  place = NONE;

  constructor(most: number) {
    this.#heap = new Float64Array(most);
  }

  /** Adds the pair at a place, unless it is not joined. */
  add(rank: number, place: number): void {
    if (rank === NO_RANK) return;
    const heap = this.#heap;
    const value = rank * PLACES + place;
    let index = this.#length++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const other = heap[parent] ?? 0;
      if (other <= value) break;
      heap[index] = other;
      index = parent;
    }
    heap[index] = value;
  }

  /** Takes the first pair out. Whether there was one. */
  pop(): boolean {
    if (this.#length === 0) return false;
    const heap = this.#heap;
    const first = heap[0] ?? 0;
    this.rank = Math.floor(first / PLACES);
    this.place = first - this.rank * PLACES;
    const length = --this.#length;
    const value = heap[length] ?? 0;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
      const other = heap[child] ?? 0;
      if (other >= value) break;
      heap[index] = other;
      index = child;
    }
    heap[index] = value;
    return true;
  }
}
