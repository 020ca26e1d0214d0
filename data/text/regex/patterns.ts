/**
 * Finds a pattern of tokenizer.json in a text, and cuts the text there.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";
import { slice } from "../pipeline/piece.ts";
import type { Piece } from "../pipeline/piece.ts";
import type { Section } from "../pipeline/section.ts";
import { translateRegex } from "./regex.ts";

/** A part of a text, in UTF-16 units: one that a pattern found, or what lies between two of these. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** Cuts a text into what is found and what lies between, without gaps. */
export type Pattern = (text: string) => Span[];

/** The treatment of the parts that were found. */
export const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

/** One of these. */
export type Behavior = typeof BEHAVIORS[number];

/** Reads the field "pattern": { "String": … } or { "Regex": … }. */
export function readPattern(section: Section): Pattern {
  const regex = readRegex(section);
  return regex === undefined ? textPattern(section.section("pattern").string("String")) : regexPattern(regex);
}

/** Reads the expression of the field "pattern", unless a text stands there. */
export function readRegex(section: Section): RegExp | undefined {
  const pattern = section.section("pattern");
  if (pattern.has("String")) return undefined;
  const regex = pattern.string("Regex");
  try {
    return translateRegex(regex);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw section.refuse(`its pattern ${show(regex)} is not supported because of ${cause.message}`);
  }
}

/** A pattern that finds a text. The empty text is found everywhere. */
export function textPattern(sought: string): Pattern {
  if (sought === "") return regexPattern(/(?:)/gu);
  return (text) => {
    const spans: Span[] = [];
    let end = 0;
    for (let start = text.indexOf(sought); start >= 0; start = text.indexOf(sought, end)) {
      if (start > end) spans.push({ start: end, end: start, isMatch: false });
      end = start + sought.length;
      spans.push({ start, end, isMatch: true });
    }
    if (end < text.length) spans.push({ start: end, end: text.length, isMatch: false });
    return spans;
  };
}

/** A pattern that finds single characters. */
export function characterPattern(isMatch: (character: string) => boolean): Pattern {
  return (text) => {
    const spans: Span[] = [];
    let end = 0;
    let position = 0;
    for (const character of text) {
      const start = position;
      position += character.length;
      if (!isMatch(character)) continue;
      if (start > end) spans.push({ start: end, end: start, isMatch: false });
      spans.push({ start, end: position, isMatch: true });
      end = position;
    }
    if (end < text.length) spans.push({ start: end, end: text.length, isMatch: false });
    return spans;
  };
}

/** A pattern of a regular expression with the flags "g" and "u" or "v". */
export function regexPattern(regex: RegExp): Pattern {
  return (text) => {
    if (text === "") return []; // nothing is found in nothing
    const spans: Span[] = [];
    let end = 0;
    let lastMatch = -1;
    let from = 0;
    for (;;) {
      const match = find(regex, text, from);
      if (match === undefined) break;
      const { start, end: matchEnd } = match;
      // An empty match where the last one ended would be found for ever.
      if (matchEnd === start && matchEnd === lastMatch) {
        from += String.fromCodePoint(text.codePointAt(from) ?? 0).length;
        if (from > text.length) break;
        continue;
      }
      if (start > end) spans.push({ start: end, end: start, isMatch: false });
      spans.push({ start, end: matchEnd, isMatch: true });
      end = from = lastMatch = matchEnd;
    }
    if (end < text.length) spans.push({ start: end, end: text.length, isMatch: false });
    return spans;
  };
}

function find(regex: RegExp, text: string, from: number): { start: number; end: number } | undefined {
  try {
    for (;; from++) {
      regex.lastIndex = from;
      const match = regex.exec(text);
      if (match === null) return undefined;
      from = match.index;
      // V8 finds empty matches within surrogate pairs too.
      if (!isWithinCharacter(text, from)) return { start: from, end: from + match[0].length };
    }
  } catch (cause) {
    throw new TokenizerError(
      `Cannot split a text of ${text.length} characters: this host's regular expressions have no memory for a part as long ` +
        `as it has; cut the text`,
      { cause },
    );
  }
}

function isWithinCharacter(text: string, index: number): boolean {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff;
}

/** Swaps the parts that were found with those between them. */
export function inverted(pattern: Pattern): Pattern {
  return (text) => pattern(text).map(({ start, end, isMatch }) => ({ start, end, isMatch: !isMatch }));
}

/** Cuts a piece where a pattern matches. Pieces without text are left out. */
export function split(piece: Piece, pattern: Pattern, behavior: Behavior): Piece[] {
  const pieces: Piece[] = [];
  for (const { start, end } of joined(pattern(piece.text), behavior)) {
    if (start < end) pieces.push(slice(piece, start, end));
  }
  return pieces;
}

function joined(spans: Span[], behavior: Behavior): Span[] {
  switch (behavior) {
    case "Isolated":
      return spans;
    case "Removed":
      return spans.filter(({ isMatch }) => !isMatch);
    case "Contiguous":
      return join(spans, (span, before) => span.isMatch === before);
    case "MergedWithPrevious":
      return join(spans, (span, before) => span.isMatch && !before);
    case "MergedWithNext":
      return join(spans.toReversed(), (span, before) => span.isMatch && !before).reverse();
  }
}

/** Joins spans to those before them; `before` says whether the one before, as it was found, is a match. */
function join(spans: Span[], isJoined: (span: Span, before: boolean) => boolean): Span[] {
  const result: Span[] = [];
  let before = false;
  for (const span of spans) {
    const last = result.at(-1);
    if (last !== undefined && isJoined(span, before)) {
      result[result.length - 1] = {
        start: Math.min(last.start, span.start),
        end: Math.max(last.end, span.end),
        isMatch: false,
      };
    } else {
      result.push(span);
    }
    before = span.isMatch;
  }
  return result;
}
