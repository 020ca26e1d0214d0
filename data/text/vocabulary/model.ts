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
}
