/**
 * What a model of a tokenizer is: it knows the tokens of a piece of text.
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
