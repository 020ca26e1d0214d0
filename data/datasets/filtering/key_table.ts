/**
 * Keys that were seen, in the order in which they came.
 *
 * @module
 */

/** Keys that there is room for at first; a power of two. */
const ROOM = 1 << 10;

/**
 * A set of keys that are hashes already, in arrays: 8 to 16 bytes a key and the key's own, where a `Set` takes about a
 * hundred.
 */
export class KeyTable {
  /** Keys in it. */
  size = 0;
  readonly #words: number;
  #keys: Uint32Array;
  /** Places of keys, from where the first word of a key says on; -1 where there is none. */
  #slots: Int32Array = new Int32Array(2 * ROOM).fill(-1);

  /** @param words Numbers of 32 bits of a key. */
  constructor(words: number) {
    this.#words = words;
    this.#keys = new Uint32Array(ROOM * words);
  }

  /** Adds a key, unless it is there. Gives its place: the `size` before where it is new. */
  add(key: Uint32Array): number {
    if (2 * this.size === this.#slots.length) this.#grow();
    const slot = this.#slotOf(key);
    const found = this.#slots[slot] ?? -1;
    if (found >= 0) return found;
    this.#keys.set(key, this.size * this.#words);
    this.#slots[slot] = this.size;
    return this.size++;
  }

  /** The keys from a place on: [keys, words]. */
  from(place: number): Uint32Array {
    return this.#keys.slice(place * this.#words, this.size * this.#words);
  }

  /** Where a key is, or belongs. */
  #slotOf(key: Uint32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = (key[0] ?? 0) & mask;; slot = (slot + 1) & mask) {
      const place = this.#slots[slot] ?? -1;
      if (place < 0 || this.#isAt(place, key)) return slot;
    }
  }

  #isAt(place: number, key: Uint32Array): boolean {
    for (let i = 0; i < this.#words; i++) if (this.#keys[place * this.#words + i] !== key[i]) return false;
    return true;
  }

  #grow(): void {
    const keys = new Uint32Array(2 * this.#keys.length);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#slots = new Int32Array(2 * this.#slots.length).fill(-1);
    for (let place = 0; place < this.size; place++) {
      const key = keys.subarray(place * this.#words, (place + 1) * this.#words);
      this.#slots[this.#slotOf(key)] = place;
    }
  }
}
