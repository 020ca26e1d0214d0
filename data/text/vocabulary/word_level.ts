/**
 * WordLevel: a piece is a token, or unknown.
 *
 * @module
 */

import type { Section } from "../pipeline/section.ts";
import type { Model } from "./model.ts";
import { unknownToken } from "./unknown.ts";
import { readVocabulary } from "./vocabulary.ts";

/** Reads a model of this type. */
export function readWordLevel(section: Section): Model {
  const vocabulary = readVocabulary(section);
  const unknown = unknownToken(vocabulary, section.string("unk_token"));
  return { vocabulary, encode: (piece) => [vocabulary.idOf(piece) ?? unknown()] };
}
