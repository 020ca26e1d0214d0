/**
 * Huffman codes of JPEG (ITU-T T.81, annexes C and F): bits out of entropy-coded data, and symbols out of bits.
 *
 * @module
 */

import { damaged } from "../image_error.ts";

/** Codes of up to this many bits are looked up at once; longer ones are rare. */
const LOOKUP_BITS = 9;

/** The longest code. */
const MAX_BITS = 16;

/** A code, made for decoding. */
export class HuffmanTable {
  /** By the next `LOOKUP_BITS` bits: length × 256 + symbol of the code they begin with; 0 where it is longer. */
  readonly lookup = new Uint16Array(1 << LOOKUP_BITS);
  /** By length: one more than the last code of that length; 0 where there is none. */
  readonly ends = new Int32Array(MAX_BITS + 1);
  /** By length: the offset from a code to the place of its symbol. */
  readonly offsets = new Int32Array(MAX_BITS + 1);
  /** Symbols, shorter codes first. */
  readonly symbols: Uint8Array;

  /**
   * @param counts Codes of 1 to 16 bits.
   * @param symbols One for each code.
   * @throws {ImageError} If there are more codes of a length than that length has room for.
   */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.symbols = symbols;
    let code = 0;
    let at = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      const count = counts[length - 1] ?? 0;
      if (code + count > 1 << length) {
        throw damaged("JPEG", `its Huffman table has too many codes of ${length} bits`);
      }
      this.offsets[length] = at - code;
      for (let i = 0; i < count; i++, code++, at++) this.#addToLookup(code, length, symbols[at] ?? 0);
      if (count > 0) this.ends[length] = code;
      code <<= 1;
    }
  }

  #addToLookup(code: number, length: number, symbol: number): void {
    if (length > LOOKUP_BITS) return;
    const spare = LOOKUP_BITS - length;
    this.lookup.fill(length << 8 | symbol, code << spare, (code + 1) << spare);
  }
}

/** Reads bits, the highest of each byte first. A zero after 0xff is left out; any other byte there is a marker. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  /** Bits that were fetched, the next one highest among the lowest `#count`. */
  #bits = 0;
  #count = 0;
  /** How many of them stand for bits that the data don't have. */
  #missing = 0;

  /**
   * @param bytes The file.
   * @param at Where its entropy-coded data begin.
   */
  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where the data that were not fetched begin: at the marker, once all are. */
  get position(): number {
    return this.#at;
  }

  /** A number of up to 16 bits. */
  take(length: number): number {
    if (length === 0) return 0;
    const value = this.#peek(length);
    this.#drop(length);
    return value;
  }

  /** A number with its sign, in as many bits as its size needs: negative ones begin with 0 (T.81, F.2.2.1). */
  takeSigned(length: number): number {
    if (length === 0) return 0;
    const value = this.take(length);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** The next symbol. */
  symbol(table: HuffmanTable): number {
    const found = table.lookup[this.#peek(LOOKUP_BITS)] ?? 0;
    if (found !== 0) {
      this.#drop(found >> 8);
      return found & 255;
    }
    for (let length = LOOKUP_BITS + 1; length <= MAX_BITS; length++) {
      const code = this.#peek(length);
      if (code < (table.ends[length] ?? 0)) {
        this.#drop(length);
        return table.symbols[code + (table.offsets[length] ?? 0)] ?? 0;
      }
    }
    throw damaged("JPEG", "a code is none of its Huffman table's");
  }

  /** Goes on behind a restart marker; the bits that fill the last byte before it are left out. */
  restart(number: number): void {
    const bytes = this.#bytes;
    while (this.#isFill()) this.#at++;
    const marker = bytes[this.#at] === 0xff ? bytes[this.#at + 1] : undefined;
    if (this.#count - this.#missing >= 8 || marker !== 0xd0 + number) {
      throw damaged("JPEG", "a restart marker is not where it belongs");
    }
    this.#at += 2;
    this.#bits = this.#count = this.#missing = 0;
  }

  #peek(length: number): number {
    if (this.#count < length) this.#fetch();
    return this.#bits >>> (this.#count - length) & (1 << length) - 1;
  }

  #drop(length: number): void {
    this.#count -= length;
    if (this.#count < this.#missing) {
      throw damaged("JPEG", "its data end within the image");
    }
  }

  /** Fetches until 25 bits or more are there. Past the end these are zeros, so that looking ahead needs no care. */
  #fetch(): void {
    const bytes = this.#bytes;
    while (this.#count <= 24) {
      const byte = bytes[this.#at];
      if (byte !== undefined && (byte !== 0xff || bytes[this.#at + 1] === 0)) {
        this.#bits = this.#bits << 8 | byte;
        this.#at += byte === 0xff ? 2 : 1;
        this.#count += 8;
      } else if (this.#isFill()) {
        this.#at++;
      } else {
        this.#bits <<= 8;
        this.#count += 8;
        this.#missing += 8;
      }
    }
  }

  /** Whether a byte is one of those that may stand in front of a marker, in any number. */
  #isFill(): boolean {
    return this.#bytes[this.#at] === 0xff && this.#bytes[this.#at + 1] === 0xff;
  }
}
