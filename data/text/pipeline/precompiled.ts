/**
 * The normalizer that SentencePiece writes into its models: a trie of replacements. The file has the size of the trie
 * in bytes, the trie's units of 32 bits (darts-clone's double array), and the replacements, each ended by a zero byte.
 *
 * @module
 */

import type { Normalizer } from "./normalizer.ts";
import { solid } from "./piece.ts";
import type { Piece } from "./piece.ts";
import type { Section } from "./section.ts";

/** Reads a normalizer of the kind "Precompiled". */
export function readPrecompiled(section: Section): Normalizer {
  const charsmap = readCharsmap(section);
  const known = new Map<string, string | undefined>();
  const replacementOf = (part: string): string | undefined => {
    if (known.has(part)) return known.get(part);
    const replacement = charsmap(part);
    if (known.size < KNOWN) known.set(part, replacement);
    return replacement;
  };
  return (piece) => normalize(piece, replacementOf, section);
}

/** The number of parts of texts that are remembered. */
const KNOWN = 20_000;

/** A cluster is replaced as one if it is shorter than this in UTF-8, else character by character. */
const LONG = 6;

const utf8 = new TextEncoder();

/** Gives the replacement of a part: that of the shortest of its beginnings that has one. */
type Charsmap = (part: string) => string | undefined;

function readCharsmap(section: Section): Charsmap {
  const bytes = decodeBase64(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? Infinity : view.getUint32(0, true);
  if (size > bytes.length - 4) throw section.refuse("its precompiled_charsmap is cut short");
  const units = Uint32Array.from({ length: Math.floor(size / 4) }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = bytes.subarray(4 + 4 * units.length);
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  return (part) => {
    const start = findStart(units, utf8.encode(part));
    if (start === undefined) return undefined;
    const end = replacements.indexOf(0, start);
    return text.decode(replacements.subarray(start, end < 0 ? undefined : end));
  };
}

function decodeBase64(section: Section): Uint8Array {
  try {
    return Uint8Array.from(atob(section.string("precompiled_charsmap")), (character) => character.charCodeAt(0));
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    throw section.refuse("its precompiled_charsmap is not base64");
  }
}

/** Walks the double array: where the replacement of a key begins. */
function findStart(units: Uint32Array, key: Uint8Array): number | undefined {
  let node = offsetOf(units[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    node ^= byte;
    const unit = units[node] ?? 0;
    if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
    node ^= offsetOf(unit);
    const hasLeaf = (unit >>> 8) & 1;
    if (hasLeaf === 1) return (units[node] ?? 0) & 0x7fffffff;
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function normalize(piece: Piece, replacementOf: Charsmap, section: Section): Piece {
  let text = "";
  let origin = 0;
  const originCharacters = [...piece.text.slice(0, piece.origin)].length;
  let character = 0; // characters of the old text that are done
  for (const part of partsOf(piece.text, replacementOf, section)) {
    const replacement = replacementOf(part) ?? part;
    if (character < originCharacters) {
      // The nth new character stems from the nth old one, further ones from the last.
      const count = [...part].length;
      const isAllOld = character + count <= originCharacters;
      origin = text.length +
        (isAllOld ? replacement : [...replacement].slice(0, originCharacters - character).join("")).length;
      if (text !== "" || replacement !== "") character += count;
    }
    text += replacement;
  }
  return text === piece.text ? piece : { text, origin, hollow: solid(piece).hollow };
}

/** Characters that can belong to a cluster of several: where a text has none, each character is one. */
const JOINING =
  /[\p{M}\p{Grapheme_Extend}\p{Cf}\p{Regional_Indicator}\p{Emoji_Modifier}\r\u0d4e\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}]/u;

/** The parts that are replaced as one: short clusters that have a replacement, else characters. */
function* partsOf(text: string, replacementOf: Charsmap, section: Section): Generator<string> {
  if (!JOINING.test(text)) return yield* text;
  if (typeof Intl === "undefined" || Intl.Segmenter === undefined) {
    throw section.refuse("this host has no Intl.Segmenter, which texts with combining characters need");
  }
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) {
    const isOne = segment.length === 1 || segment.length < LONG && utf8.encode(segment).length < LONG &&
        replacementOf(segment) !== undefined;
    if (isOne) yield segment;
    else yield* segment;
  }
}

let segmenter: Intl.Segmenter | undefined;
