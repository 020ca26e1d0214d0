/**
 * Finds texts that are nearly equal to one before, without comparing each with all (locality-sensitive hashing: Indyk
 * and Motwani 1998).
 *
 * @module
 */

import { KeyTable } from "./key_table.ts";
import { mix, SIGNATURE } from "./min_hash.ts";

/** The share of pairs as alike as the threshold that are compared, at least. */
const FOUND = 0.95;

/** Texts by their signatures. A text takes about two kilobytes. */
export class NearIndex {
  /** Texts in it. */
  size = 0;
  readonly #threshold: number;
  /** Numbers of a band: texts are compared that have all of one in common. */
  readonly #bandNumbers: number;
  readonly #bands: number;
  readonly #keys = new KeyTable(2);
  /** The last text of each key, and for each band of a text the one before it with that key; -1 at the first. */
  readonly #last: number[] = [];
  readonly #previous: number[] = [];
  #signatures = new Uint16Array(SIGNATURE << 10);

  /** @param threshold The share of equal numbers from which on texts are nearly equal, above 0 and up to 1. */
  constructor(threshold: number) {
    this.#threshold = threshold;
    this.#bandNumbers = bandNumbersFor(threshold);
    this.#bands = Math.floor(SIGNATURE / this.#bandNumbers);
  }

  /** Adds a text, unless one that is nearly equal is there; says whether it is new. */
  add(signature: Uint16Array): boolean {
    const keys = Array.from({ length: this.#bands }, (_, band) => this.#keyOf(signature, band));
    const compared = new Set<number>();
    for (const [band, key] of keys.entries()) {
      for (let text = this.#last[key] ?? -1; text >= 0; text = this.#previous[text * this.#bands + band] ?? -1) {
        if (compared.has(text)) continue;
        compared.add(text);
        if (this.#isNear(text, signature)) return false;
      }
    }
    this.#append(signature, keys);
    return true;
  }

  /** The signatures from a text on: [texts, numbers]. */
  from(text: number): Uint16Array {
    return this.#signatures.slice(text * SIGNATURE, this.size * SIGNATURE);
  }

  /** The place of what a signature has in a band. */
  #keyOf(signature: Uint16Array, band: number): number {
    const key = Uint32Array.of(band, ~band);
    for (let i = band * this.#bandNumbers; i < (band + 1) * this.#bandNumbers; i++) {
      const number = signature[i] ?? 0;
      key[0] = mix((key[0] ?? 0) + number);
      key[1] = mix(Math.imul(key[1] ?? 0, 31) ^ number);
    }
    return this.#keys.add(key);
  }

  #isNear(text: number, signature: Uint16Array): boolean {
    let equal = 0;
    for (let i = 0; i < SIGNATURE; i++) if (this.#signatures[text * SIGNATURE + i] === signature[i]) equal += 1;
    return equal >= this.#threshold * SIGNATURE;
  }

  #append(signature: Uint16Array, keys: readonly number[]): void {
    if (this.size * SIGNATURE === this.#signatures.length) {
      const larger = new Uint16Array(2 * this.#signatures.length);
      larger.set(this.#signatures);
      this.#signatures = larger;
    }
    this.#signatures.set(signature, this.size * SIGNATURE);
    for (const key of keys) {
      this.#previous.push(this.#last[key] ?? -1);
      this.#last[key] = this.size;
    }
    this.size += 1;
  }
}

/**
 * As many numbers of a band as still find texts: with b bands of r numbers, two texts with the share s of numbers in
 * common have a whole band in common with probability 1 - (1 - s^r)^b.
 */
function bandNumbersFor(threshold: number): number {
  for (let r = SIGNATURE; r > 1; r--) {
    const b = Math.floor(SIGNATURE / r);
    if (1 - (1 - threshold ** r) ** b >= FOUND) return r;
  }
  return 1;
}
