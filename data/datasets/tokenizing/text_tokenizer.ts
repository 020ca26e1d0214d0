/**
 * Many texts as token ids, one after the other in one array, as threads hand them over.
 *
 * @module
 */

import { messageOf } from "../../files/byte_source.ts";
import type { AndromedaTokenizer } from "../../text/tokenizer.ts";

/** Token ids of texts. */
export interface TokenizedTexts {
  /** Those of all texts: [ids]. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Where in `ids` each text ends: [texts]. */
  readonly ends: Int32Array<ArrayBuffer>;
  /** Why texts could not be tokenized, by their indices. These have no ids. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Ids that there is room for at first. */
const ROOM = 1 << 16;

/** Tokenizes texts, each with the token that ends it. */
export class TextTokenizer {
  readonly #tokenizer: AndromedaTokenizer;
  readonly #endToken: string;
  #ids = new Int32Array(ROOM);
  #length = 0;
  #ends: number[] = [];
  #faults = new Map<number, string>();

  constructor(tokenizer: AndromedaTokenizer, endToken: string) {
    this.#tokenizer = tokenizer;
    this.#endToken = endToken;
  }

  /** Tokenizes a text. */
  add(text: string): void {
    try {
      this.#append(this.#tokenizer.encode(text + this.#endToken));
    } catch (cause) {
      this.#faults.set(this.#ends.length, messageOf(cause));
    }
    this.#ends.push(this.#length);
  }

  /** The ids of the texts since this was called last. */
  take(): TokenizedTexts {
    const taken = {
      ids: this.#ids.slice(0, this.#length),
      ends: Int32Array.from(this.#ends),
      faults: this.#faults,
    };
    this.#length = 0;
    this.#ends = [];
    this.#faults = new Map();
    return taken;
  }

  #append(ids: ArrayLike<number>): void {
    if (this.#length + ids.length > this.#ids.length) {
      const larger = new Int32Array(Math.max(2 * this.#ids.length, this.#length + ids.length));
      larger.set(this.#ids.subarray(0, this.#length));
      this.#ids = larger;
    }
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }
}
