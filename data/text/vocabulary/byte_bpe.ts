/**
 * Byte-pair encoding of words in UTF-8, for vocabularies that have a token for each of its bytes.
 *
 * @module
 */

import { characterOfByte, spellBytes } from "../pipeline/byte_level.ts";
import type { MergeTable } from "./merge_table.ts";
import type { ByteModel } from "./model.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { WordTable } from "./word_table.ts";

/**
 * Makes the model.
 *
 * @param ignoresMerges Whether a word that is a token is that token, whatever the merges say.
 * @returns The model, or nothing if a byte of UTF-8 has no token.
 */
export function byteBpe(vocabulary: Vocabulary, merges: MergeTable, ignoresMerges: boolean): ByteModel | undefined {
  const idsOfBytes = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const id = vocabulary.idOf(characterOfByte(byte));
    const isOfUtf8 = byte < 0xc0 || (byte > 0xc1 && byte < 0xf5);
    if (id === undefined && isOfUtf8) return undefined;
    idsOfBytes[byte] = id ?? 0;
  }
  let longest = 0;
  if (ignoresMerges) vocabulary.forEach((token) => longest = Math.max(longest, token.length));
  return new ByteBpe(vocabulary, merges, idsOfBytes, longest);
}

/** Symbols of most words: longer ones get memory of their own. */
const USUAL = 256;

class ByteBpe implements ByteModel {
  readonly #known = new WordTable();
  readonly #usual = new Int32Array(USUAL);

  constructor(
    readonly vocabulary: Vocabulary,
    readonly merges: MergeTable,
    readonly idsOfBytes: Int32Array,
    /** Bytes of the longest word that is looked for as a whole. */
    readonly longestWhole: number,
  ) {}

  encode(bytes: Uint8Array, start: number, end: number, ids: number[]): void {
    if (this.#known.find(bytes, start, end, ids)) return;
    const whole = this.#wholeOf(bytes, start, end);
    const length = end - start;
    const symbols = length > USUAL ? new Int32Array(length) : this.#usual;
    if (whole !== undefined) symbols[0] = whole;
    else for (let i = 0; i < length; i++) symbols[i] = this.idsOfBytes[bytes[start + i] ?? 0] ?? 0;
    const count = whole !== undefined ? 1 : this.merges.merge(symbols, length);
    this.#known.set(bytes, start, end, symbols, count);
    for (let i = 0; i < count; i++) ids.push(symbols[i] ?? 0);
  }

  /** The token that a word is, if that goes before the merges. */
  #wholeOf(bytes: Uint8Array, start: number, end: number): number | undefined {
    return end - start <= this.longestWhole ? this.vocabulary.idOf(spellBytes(bytes, start, end)) : undefined;
  }
}
