/**
 * The ids of words that came before, because words come again. A table of fixed places: a word that meets another one
 * at its place takes it over, so that memory is bounded and frequent words are there. It has no objects and no texts.
 *
 * @module
 */

/** Bytes of the longest word, and ids of the longest encoding, that are remembered. */
const LONGEST = 32;
const MOST_IDS = 8;

/** Places at first, and at most. All of them take 2.2 MB. */
const FIRST_PLACES = 2 ** 10;
const MOST_PLACES = 2 ** 15;

/** Words in UTF-8 and their ids. */
export class WordTable {
  #places = 0;
  /** Words that were written since the table grew. */
  #written = 0;
  #words = new Uint8Array();
  /** Bytes of the word at a place; 0 for none. */
  #lengths = new Uint8Array();
  #counts = new Uint8Array();
  #ids = new Int32Array();

  constructor() {
    this.#empty(FIRST_PLACES);
  }

  /** Adds the ids of a word to others, if it is known. */
  find(bytes: Uint8Array, start: number, end: number, ids: number[]): boolean {
    const length = end - start;
    if (length > LONGEST) return false;
    const place = this.#placeOf(bytes, start, end);
    if (this.#lengths[place] !== length) return false;
    const words = this.#words;
    for (let i = 0, at = place * LONGEST; i < length; i++) {
      if (words[at + i] !== bytes[start + i]) return false;
    }
    const first = place * MOST_IDS;
    const last = first + (this.#counts[place] ?? 0);
    for (let i = first; i < last; i++) ids.push(this.#ids[i] ?? 0);
    return true;
  }

  /** Remembers the first so many ids for a word. */
  set(bytes: Uint8Array, start: number, end: number, ids: Int32Array, count: number): void {
    if (end - start > LONGEST || count > MOST_IDS) return;
    if (++this.#written > this.#places && this.#places < MOST_PLACES) this.#grow();
    const place = this.#placeOf(bytes, start, end);
    for (let i = start, at = place * LONGEST; i < end; i++) this.#words[at++] = bytes[i] ?? 0;
    for (let i = 0; i < count; i++) this.#ids[place * MOST_IDS + i] = ids[i] ?? 0;
    this.#lengths[place] = end - start;
    this.#counts[place] = count;
  }

  #grow(): void {
    const [words, lengths, counts, ids] = [this.#words, this.#lengths, this.#counts, this.#ids];
    this.#empty(2 * lengths.length);
    lengths.forEach((length, place) => {
      if (length === 0) return;
      const start = place * LONGEST;
      this.set(words, start, start + length, ids.subarray(place * MOST_IDS), counts[place] ?? 0);
    });
  }

  #empty(places: number): void {
    this.#places = places;
    this.#written = 0;
    this.#words = new Uint8Array(places * LONGEST);
    this.#lengths = new Uint8Array(places);
    this.#counts = new Uint8Array(places);
    this.#ids = new Int32Array(places * MOST_IDS);
  }

  #placeOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x5bd1e995);
    return (hash ^ (hash >>> 15)) & (this.#places - 1);
  }
}
