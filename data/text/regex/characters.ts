/**
 * Classes of characters as Rust's tokenizers know them. Their tables are of several versions of Unicode: the parts for
 * BERT are of 2015, normalization is of 2019, scripts are of 2016. The host's are newer, so characters that an older
 * table lacks are listed here, and are treated as that table treats what it does not know.
 *
 * @module
 */

/** White space: Unicode's White_Space, which has U+0085 and not U+FEFF. JavaScript's `\s` is otherwise. */
export function isWhiteSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 9 && unit <= 13) || (unit > 0x7f && OTHER_WHITE_SPACE.has(unit));
}

const OTHER_WHITE_SPACE: ReadonlySet<number> = new Set(
  [0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, ...Array.from({ length: 11 }, (_, i) => 0x2000 + i)],
);

/** Where the white space at the beginning of a text ends. */
export function endOfLeadingSpace(text: string, from = 0): number {
  while (from < text.length && isWhiteSpace(text.charCodeAt(from))) from++;
  return from;
}

/** Where the white space at the end of a text begins, or of what lies between two places. */
export function startOfTrailingSpace(text: string, to: number = text.length, from = 0): number {
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return to;
}

/** Characters that make words, for regular expressions with the flag "u" or "v". */
export const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

/** Whether the character at a place makes words. */
export function isWordAt(text: string, index: number): boolean {
  const code = text.codePointAt(index);
  return code !== undefined && WORD_CHARACTER.test(String.fromCodePoint(code));
}

/** Whether the character before a place makes words. */
export function isWordBefore(text: string, index: number): boolean {
  const isPair = (text.codePointAt(index - 2) ?? 0) > 0xffff;
  return isWordAt(text, index - (isPair ? 2 : 1));
}

const WORD_CHARACTER = new RegExp(`[${WORD}\\p{Join_Control}]`, "u");

/**
 * A class of characters: what a regular expression accepts, without those of a table that is read when it is needed,
 * and with some more.
 */
function classOf(accepted: RegExp, newer: string, more: readonly number[]): (character: string) => boolean {
  let excluded: Set<number> | undefined;
  return (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (!accepted.test(character)) return more.includes(code);
    return code <= LATIN || !(excluded ??= characters(newer)).has(code);
  };
}

/** No table of new characters begins below this. */
const LATIN = 0x36f;

/** Punctuation of Unicode 9 and later. */
const NEW_PUNCTUATION =
  "17h rj 3c e8 c 2x5.2 19.3 3pf.d 2.c 1828 8u 4n.5 18.4 ui.2 1.2 36.5 a.2 1 ea.d 24 ap 7c.3 4b 2k.8 2b.3 " +
  "1.5 2l.a 5z 2n.5 16.2 hx.2 22.d 4v 35d.2 c56.3 87.4 93 nbw ny.2";

/** Marks without width (Mn) of Unicode 9 and later. */
const NEW_NONSPACING_MARKS =
  "1kt 49.9 16.o 7w 6z.6 2d 4u 1j 5f 1m.2 1w 8o j 1ts 39.2 fs.g mf.6 rao 48 1l 59 jmu.4 1t.5 8t.2 27.4 1y.b " +
  "1d.4 6i 2.2 25 7a 5 32 2 6x 3j.6 d 1 1 e.2 2d.8 2.3 1 n r4.9 1.2 74.2 1 4 40.4 2.2 4 w.a 14.6 2.4 8 9.6 " +
  "2.3 1a.d 1.2 ba.7 1.6 1 2a.m 2.7 1.2 1.2 3e.6 3 1.2 1.7 1 20.2 3 1 9n.2 b.2 1g.5 5 1 n 44l 6.f 8ug.c 3.3 " +
  "2sf 44 isb.1a 2.n 3ax.7 1.h 2.7 1.2 1.5 2s 4g.7 af 1p.4 e4.4 72.2 no.7";

/** Marks (M) of Unicode 10 and later. */
const NEW_MARKS =
  "1kt 49.9 16.a 8a 6z.6 2d 4u 1j 52 c 1m.2 1w 8o j 1mu 6x j3.g fc 72.5 rap 5u js4.4 1t.5 8t.2 27.4 1y.b " +
  "1d.4 6i 2.2 25 3m.2 3m 4.2 35 6x 3g.9 1 2 1.4 1.5 1 e.2 3f r1.f 6t.6 1.2 2.4 1 1.2 3x.7 2.7 3 s.a 14.7 " +
  "1.4 8 9.b 1a.g if.6 3 1.2 1.7 1 1u.5 1.2 1.5 9n.4 9.2 1 1c.7 3.5 n 44l 6.f 8ug.i 2sf 1b.9 2k b.2 iry.1a " +
  "2.n 3ew 4g.7 af 1p.4 e4.4 72.2";

/** Punctuation, and ASCII's symbols too. */
export const isPunctuation: (character: string) => boolean = classOf(
  /^[\p{P}$+<=>^`|~]/u,
  NEW_PUNCTUATION,
  [0x166d, 0x111c9],
);

/** Marks without width of their own, as BERT takes them off. */
export const isNonspacingMark: (character: string) => boolean = classOf(
  /^\p{Mn}/u,
  NEW_NONSPACING_MARKS,
  [0x1734, 0x1171e],
);

/** Marks of any width. */
export const isMark: (character: string) => boolean = classOf(
  /^\p{M}/u,
  NEW_MARKS,
  [0x1cf2, 0x1cf3],
);

/** Whether a character is one that BERT keeps apart: the ideographs, not kana and Hangul. */
export function isIdeograph(code: number): boolean {
  return IDEOGRAPHS.some(([first, last]) => code >= first && code <= last);
}

const IDEOGRAPHS: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];

/** The forms of Unicode's normalization. */
export type NormalizationForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Brings a text into one of Unicode's normal forms. Characters that Rust's table lacks stay as they are. */
export function normalizeText(text: string, form: NormalizationForm): string {
  if (ASCII.test(text)) return text;
  const unknown = unknownToNormalization();
  let normalized = "";
  let end = 0;
  for (const { 0: character, index } of text.matchAll(unknown)) {
    normalized += normalizeKnown(text.slice(end, index), form) + character;
    end = index + character.length;
  }
  return normalized + normalizeKnown(text.slice(end), form);
}

const ASCII = /^\p{ASCII}*$/u;

/** Takes what only the host's table composes apart again. */
function normalizeKnown(text: string, form: NormalizationForm): string {
  return text.normalize(form).replace(unknownToNormalization(), (composed) => composed.normalize("NFD"));
}

/** Finds characters that Rust's table lacks. */
function unknownToNormalization(): RegExp {
  return unknown ??= new RegExp(`[${[...characters(NOT_NORMALIZED)].map(escaped).join("")}]`, "gu");
}

let unknown: RegExp | undefined;

function escaped(code: number): string {
  return `\\u{${code.toString(16)}}`;
}

/**
 * The characters of a table: gaps and lengths of its ranges, "gap.length" or "gap" for a single character, in base 36.
 */
export function characters(table: string): Set<number> {
  const found = new Set<number>();
  let code = 0;
  for (const range of table.split(" ")) {
    const [gap = "", length = "1"] = range.split(".");
    code += parseInt(gap, 36);
    for (const end = code + parseInt(length, 36); code < end; code++) found.add(code);
  }
  return found;
}

/** These, and characters whose decomposition is of Unicode 12.1 or later. */
const NOT_NORMALIZED =
  "1kt 49.9 16.a 8a 6z.6 2d 4u 1j 52 c 1m.2 1w 8o j 1mu 6x j3.g fc 72.5 45g n3m.3 1j 5u h5 hun q bg.5 1.16 " +
  "1.9 12h.4 1t.5 8t.2 27.4 1y.b 1d.4 6i 2.2 25 3m.2 3m 4.2 35 6x 1z 1 8 2 12.9 1 2 1.4 1.5 1 e.2 3f r1.f " +
  "6t.6 1.2 2.4 1 1.2 3x.7 2.7 3 s.a 14.7 1.4 8 9.b 1a.g if.6 3 1.2 1.7 1 1u.5 1.2 1.5 9n.4 9.2 1 1c.7 3.5 " +
  "n 44l 6.f 8ug.i 2ew.3 dg 1b.9 2k b.2 ick.10 ee.1a 2.n 3c9.1q x 4g.7 af 1p.4 e4.4 72.2 29o 22r.a";
