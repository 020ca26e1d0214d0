/**
 * Chooses a model by the type that a tokenizer.json names.
 *
 * @module
 */

import type { Section } from "../pipeline/section.ts";
import { readBpe } from "./bpe.ts";
import type { Model } from "./model.ts";
import { readUnigram } from "./unigram.ts";
import { readWordLevel } from "./word_level.ts";
import { readWordPiece } from "./word_piece.ts";

/** Reads a model. */
export function readModel(section: Section): Model {
  switch (typeOf(section)) {
    case "BPE":
      return readBpe(section);
    case "Unigram":
      return readUnigram(section);
    case "WordPiece":
      return readWordPiece(section);
    case "WordLevel":
      return readWordLevel(section);
    default:
      throw section.unknownType();
  }
}

/** Older files name no type: the fields tell it. */
function typeOf(section: Section): string {
  if (section.has("type")) return section.type;
  if (section.has("merges")) return "BPE";
  if (section.has("max_input_chars_per_word")) return "WordPiece";
  return section.has("unk_token") ? "WordLevel" : "Unigram";
}
