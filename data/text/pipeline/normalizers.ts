/**
 * Normalizers, which change a text before it is cut.
 *
 * @module
 */

import {
  endOfLeadingSpace,
  isIdeograph,
  isMark,
  isNonspacingMark,
  normalizeText,
  startOfTrailingSpace,
} from "../regex/characters.ts";
import type { NormalizationForm } from "../regex/characters.ts";
import { readPattern } from "../regex/patterns.ts";
import { byteCharacters } from "./byte_level.ts";
import type { Normalizer } from "./normalizer.ts";
import { changeEach, prepend, slice, solid } from "./piece.ts";
import { readPrecompiled } from "./precompiled.ts";
import type { Section } from "./section.ts";

/** Reads a normalizer. */
export function readNormalizer(section: Section): Normalizer {
  switch (section.type) {
    case "Sequence":
      return sequence(section.sections("normalizers").map(readNormalizer));
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return unicode(section.type);
    case "Lowercase":
      return each(lowercase);
    case "Strip":
      return strip(section.boolean("strip_left"), section.boolean("strip_right"));
    case "StripAccents":
      return each((text) => text.replace(/[^\0-\u02ff]/gu, (character) => isMark(character) ? "" : character));
    case "Replace":
      return replace(section);
    case "Prepend": {
      const prefix = section.string("prepend");
      return (piece) => prepend(piece, prefix);
    }
    case "Nmt":
      return each(nmt);
    case "Precompiled":
      return readPrecompiled(section);
    case "BertNormalizer":
      return bert(section);
    case "ByteLevel":
      return each(byteCharacters);
    default:
      throw section.unknownType();
  }
}

function sequence(normalizers: readonly Normalizer[]): Normalizer {
  return (piece) => normalizers.reduce((changed, normalize) => normalize(changed), piece);
}

function each(change: (text: string) => string): Normalizer {
  return (piece) => changeEach(piece, change);
}

function unicode(form: NormalizationForm): Normalizer {
  return each((text) => normalizeText(text, form));
}

/** Character by character: a sigma at a word's end stays "σ". */
function lowercase(text: string): string {
  return text.includes("Σ") ? text.split("Σ").map((part) => part.toLowerCase()).join("σ") : text.toLowerCase();
}

function strip(left: boolean, right: boolean): Normalizer {
  return (piece) => {
    const start = left ? endOfLeadingSpace(piece.text) : 0;
    const end = right ? startOfTrailingSpace(piece.text) : piece.text.length;
    const isChanged = start > 0 || end < piece.text.length;
    return slice(isChanged ? solid(piece) : piece, Math.min(start, end), end);
  };
}

function replace(section: Section): Normalizer {
  const pattern = readPattern(section);
  const content = section.string("content");
  return (piece) => {
    let text = "";
    let [origin, hollow] = [0, 0];
    for (const { start, end, isMatch } of pattern(piece.text)) {
      const part = isMatch ? content : piece.text.slice(start, end);
      text += part;
      // The replacement stems from where the last character that it replaces does, or the one before it, or from
      // nothing.
      const stemming = (units: number): number =>
        isMatch ? (end <= units ? content.length : 0) : Math.max(0, Math.min(end, units) - start);
      if (piece.origin > 0) origin += stemming(piece.origin);
      if (piece.hollow > 0 || (isMatch && end === 0)) hollow += stemming(piece.hollow);
    }
    return { text, origin, hollow };
  };
}

/** Removes control characters; other kinds of space and characters without width become spaces. */
function nmt(text: string): string {
  return text
    .replace(/\p{Cc}/gu, (control) => NMT_KEEPS.test(control) ? control : "")
    .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ");
}

/** The control characters that are kept: all of the second set (C1) but two, and these of the first (C0). */
const NMT_KEEPS = /[\0\t\n\f\r\u0080-\u008e\u0090-\u009e]/;

/**
 * Control and format characters that BERT keeps: some as spaces, the others because its table is older than they are.
 */
const BERT_KEEPS = /[\t\n\r\u0890\u0891\u08e2\u{110cd}\u{13430}-\u{1343f}]/u;

function bert(section: Section): Normalizer {
  const steps: Normalizer[] = [];
  if (section.boolean("clean_text")) {
    steps.push(each((text) =>
      text
        .replace(/[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu, (control) => BERT_KEEPS.test(control) ? control : "")
        .replace(/\p{White_Space}/gu, " ")
    ));
  }
  if (section.boolean("handle_chinese_chars")) {
    steps.push(
      each((text) =>
        text.replace(
          /[\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{2ffff}]/gu,
          (character) => isIdeograph(character.codePointAt(0) ?? 0) ? ` ${character} ` : character,
        )
      ),
    );
  }
  const lowercases = section.boolean("lowercase");
  if (section.has("strip_accents") ? section.boolean("strip_accents") : lowercases) {
    steps.push(unicode("NFD"));
    steps.push(each((text) => text.replace(/[^\0-\u02ff]/gu, (mark) => isNonspacingMark(mark) ? "" : mark)));
  }
  if (lowercases) steps.push(each(lowercase));
  return sequence(steps);
}
