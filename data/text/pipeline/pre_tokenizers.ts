/**
 * Pre-tokenizers, which cut a text before the model sees it. No token reaches over a cut.
 *
 * @module
 */

import { isPunctuation, isWhiteSpace, WORD } from "../regex/characters.ts";
import {
  BEHAVIORS,
  characterPattern,
  inverted,
  readPattern,
  readRegex,
  regexPattern,
  split,
  textPattern,
} from "../regex/patterns.ts";
import type { Behavior, Pattern } from "../regex/patterns.ts";
import { translateRegex } from "../regex/regex.ts";
import { scriptOf } from "../regex/scripts.ts";
import { byteCharacters } from "./byte_level.ts";
import { joinCuts } from "./cuts.ts";
import type { Cuts } from "./cuts.ts";
import { changeEach, mapEach, prepend, slice, solid } from "./piece.ts";
import type { Piece } from "./piece.ts";
import type { Section } from "./section.ts";

/** A pre-tokenizer. */
export interface PreTokenizer {
  /** Cuts a piece. */
  cut(piece: Piece): Piece[];
  /** The expressions that say it all, if it cuts a text at their matches, and spells bytes at most. */
  readonly cuts?: Cuts | undefined;
}

/** Reads a pre-tokenizer. */
export function readPreTokenizer(section: Section): PreTokenizer {
  switch (section.type) {
    case "Sequence":
      return sequence(section.sections("pretokenizers").map(readPreTokenizer));
    case "ByteLevel":
      return byteLevel(section);
    case "Split":
      return splitAt(section);
    case "Punctuation":
      return cut(characterPattern(isPunctuation), section.choice("behavior", BEHAVIORS, "Isolated"));
    case "Digits":
      return isolate(section.boolean("individual_digits") ? /\p{N}/gu : /\p{N}+/gu);
    case "Whitespace":
      return cut(inverted(regexPattern(WORDS_AND_OTHERS)), "Removed");
    case "WhitespaceSplit":
      return cut(WHITE_SPACE, "Removed");
    case "BertPreTokenizer":
      return sequence([cut(WHITE_SPACE, "Removed"), cut(characterPattern(isPunctuation), "Isolated")]);
    case "CharDelimiterSplit":
      return cut(textPattern(section.character("delimiter")), "Removed");
    case "Metaspace":
      return metaspace(section);
    case "UnicodeScripts":
      return { cut: splitScripts };
    case "FixedLength":
      return fixedLength(section);
    default:
      throw section.unknownType();
  }
}

const WORDS_AND_OTHERS = new RegExp(
  `[${WORD}\\p{Join_Control}]+|[^${WORD}\\p{Join_Control}\\p{White_Space}]+`,
  "gu",
);

const WHITE_SPACE = characterPattern((character) => isWhiteSpace(character.charCodeAt(0)));

function cut(pattern: Pattern, behavior: Behavior): PreTokenizer {
  return { cut: (piece) => split(piece, pattern, behavior) };
}

/** Each match of an expression is a piece of its own, and so is what lies between. */
function isolate(regex: RegExp): PreTokenizer {
  return { ...cut(regexPattern(regex), "Isolated"), cuts: { at: [{ regex, keepsRest: true }], spellsBytes: false } };
}

function splitAt(section: Section): PreTokenizer {
  const regex = readRegex(section);
  const pattern = regex === undefined ? readPattern(section) : regexPattern(regex);
  const behavior = section.choice("behavior", BEHAVIORS);
  const inverts = section.boolean("invert");
  const steps = cut(inverts ? inverted(pattern) : pattern, behavior);
  const keepsRest = behavior === "Isolated";
  if (regex === undefined || !(keepsRest || (behavior === "Removed" && inverts))) return steps;
  return { ...steps, cuts: { at: [{ regex, keepsRest }], spellsBytes: false } };
}

function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  return {
    cut: (piece) => steps.reduce((pieces, step) => pieces.flatMap((each) => step.cut(each)), [piece]),
    cuts: joinCuts(steps.map(({ cuts }) => cuts)),
  };
}

/** GPT-2's way to cut: contractions, words, numbers and others, each with a space before it, and spaces. */
const GPT2 = isolate(
  translateRegex(String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`),
);

function byteLevel(section: Section): PreTokenizer {
  const addsSpace = section.boolean("add_prefix_space");
  const splits = section.boolean("use_regex", true);
  return {
    cut: (piece) => {
      const spaced = addsSpace && !piece.text.startsWith(" ") ? prepend(piece, " ") : piece;
      const pieces = splits ? GPT2.cut(spaced) : [spaced];
      return pieces.map((each) => changeEach(each, byteCharacters));
    },
    cuts: addsSpace ? undefined : { at: splits ? GPT2.cuts?.at ?? [] : [], spellsBytes: true },
  };
}

/** When Metaspace puts its character before a piece. */
const PREPEND_SCHEMES = ["always", "first", "never"] as const;

/** Reads when Metaspace does; older files say it otherwise. */
export function readPrependScheme(section: Section): typeof PREPEND_SCHEMES[number] {
  const scheme = section.choice("prepend_scheme", PREPEND_SCHEMES, "always");
  if (section.boolean("add_prefix_space", true) || scheme === "never") return scheme;
  throw section.refuse(`its add_prefix_space is false and its prepend_scheme "${scheme}"`);
}

function metaspace(section: Section): PreTokenizer {
  const replacement = section.character("replacement");
  const scheme = readPrependScheme(section);
  const splits = section.boolean("split", true);
  const pattern = textPattern(replacement);
  const cut = (piece: Piece): Piece[] => {
    let changed = mapEach(piece, (text) => text.replaceAll(" ", () => replacement));
    const prepends = scheme === "always" || (scheme === "first" && (piece.origin || solid(piece).origin) > 0);
    if (prepends && !changed.text.startsWith(replacement)) changed = prepend(changed, replacement);
    return splits ? split(changed, pattern, "MergedWithNext") : [changed];
  };
  return { cut };
}

/** A piece ends where the script changes. Spaces and unknown characters go with what is before them. */
function splitScripts(piece: Piece): Piece[] {
  const pieces: Piece[] = [];
  let start: number | undefined;
  let last: string | undefined;
  let position = 0;
  for (const character of piece.text) {
    const script = scriptOf(character);
    // The text before the first script is dropped, as in Rust.
    if (script !== undefined && script !== last) {
      if (start !== undefined && start < position) pieces.push(slice(piece, start, position));
      start = position;
    }
    last = script ?? last;
    position += character.length;
  }
  if (start !== undefined) pieces.push(slice(piece, start, position));
  return pieces;
}

function fixedLength(section: Section): PreTokenizer {
  const length = section.count("length", 5);
  if (length === 0) throw section.refuse("its length is 0");
  const cut = (piece: Piece): Piece[] => {
    const characters = [...piece.text];
    const pieces: Piece[] = [];
    let start = 0;
    for (let i = 0; i < characters.length; i += length) {
      const end = start + characters.slice(i, i + length).join("").length;
      pieces.push(slice(piece, start, end));
      start = end;
    }
    return pieces;
  };
  return { cut };
}
