/**
 * The type of a tokenizer's models, which turn a piece of text into tokens.
 *
 * @module
 */

import type { Vocabulary } from "./vocabulary.ts";

/** Turns pieces of text into token ids. */
export interface Model {
  readonly vocabulary: Vocabulary;
  /** The ids of a piece. */
  encode(piece: string): readonly number[];
  /** The same for words whose bytes are not spelled yet, if it has a token for each byte of UTF-8. */
  readonly ofBytes?: ByteModel | undefined;
}

/** Turns words in UTF-8 into token ids. */
export interface ByteModel {
  /** Adds the ids of a word, which lies between two places, to others. */
  encode(bytes: Uint8Array, start: number, end: number, ids: number[]): void;
}
