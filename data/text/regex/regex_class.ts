/**
 * Classes of characters in Oniguruma's syntax: `[…]` with ranges, classes in classes and `&&`, `[:alpha:]`, `\p{…}`.
 *
 * @module
 */

import { WORD } from "./characters.ts";
import { literal, variantsOf } from "./regex_reader.ts";
import type { CharacterReader, RegexMode } from "./regex_reader.ts";

/** Oniguruma's names of classes that JavaScript calls otherwise. */
const NAMED: Readonly<Record<string, string>> = {
  alnum: "[\\p{Alphabetic}\\p{Nd}]",
  alpha: "\\p{Alphabetic}",
  ascii: "[\\0-\\x7f]",
  blank: "[\\p{Zs}\\t]",
  cntrl: "\\p{Cc}",
  digit: "\\p{Nd}",
  graph: "[^\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]",
  lower: "\\p{Lowercase}",
  print: "[^\\p{Cc}\\p{Cn}\\p{Cs}\\u2028\\u2029]",
  space: "\\p{White_Space}",
  upper: "\\p{Uppercase}",
  xdigit: "[0-9A-Fa-f]",
};

/** Out of a class, `\w` and `\p{Word}` have these too; `[\w]` and `[:word:]` have not. */
export const LONE_WORD = `[${WORD}²³¹¼½¾]`;

/** `[:punct:]` has symbols, and `\p{Punct}` has none. */
const IN_BRACKETS: Readonly<Record<string, string>> = { ...NAMED, punct: "[\\p{P}\\p{S}]", word: `[${WORD}]` };
const IN_BRACES: Readonly<Record<string, string>> = { ...NAMED, punct: "\\p{P}", word: `[${WORD}]`, any: "\\p{Any}" };

const CONTROLS: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  r: "\r",
  v: "\v",
  f: "\f",
  a: "\x07",
  e: "\x1b",
};

const SETS: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  h: "[0-9A-Fa-f]",
  H: "[^0-9A-Fa-f]",
};

/** The meaning of an escape: a set, or a single character. */
interface Escaped {
  readonly source: string;
  readonly character?: string;
}

/** Reads what follows a backslash, in a class or out of one. */
export function readEscape(reader: CharacterReader): Escaped {
  const property = reader.takeMatch(/([pP])\{(\^?)([^}]*)\}/y);
  if (property !== undefined) {
    const [, letter, caret, name = ""] = property;
    return { source: readProperty(reader, name, (letter === "P") !== (caret === "^")) };
  }
  const code = reader.takeMatch(/x\{([0-9A-Fa-f]{1,6})\}|x([0-7][0-9A-Fa-f]?)|u([0-9A-Fa-f]{4})/y);
  if (code !== undefined) {
    const value = parseInt(code[1] ?? code[2] ?? code[3] ?? "", 16);
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) throw reader.unsupported(`the character "${code[0]}"`);
    return ofCharacter(String.fromCodePoint(value));
  }
  const letter = reader.takeCharacter();
  const set = SETS[letter];
  if (set !== undefined) return { source: set };
  const control = CONTROLS[letter];
  if (control !== undefined) return ofCharacter(control);
  if (/[0-9A-Za-z]/.test(letter)) throw reader.unsupported(`"\\${letter}"`);
  return ofCharacter(letter);
}

function ofCharacter(character: string): Escaped {
  return { source: literal(character), character };
}

/**
 * `\p{Name}`: a class of the table, a category, a property or a script. Case, spaces, "-" and "_" don't count in names.
 */
function readProperty(reader: CharacterReader, name: string, isNegated: boolean): string {
  const plain = name.replace(/[\s_-]/g, "").toLowerCase();
  const named = IN_BRACES[plain];
  if (named !== undefined) return isNegated ? `[^${named}]` : named;
  const words = name.trim().split(/[\s_-]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
  for (const spelling of [name, words.join("_"), words.join(""), name.toUpperCase()]) {
    for (const property of [spelling, `Script=${spelling}`]) {
      if (isProperty(property)) return `\\${isNegated ? "P" : "p"}{${property}}`;
    }
  }
  throw reader.unsupported(`the property "\\p{${name}}"`);
}

function isProperty(property: string): boolean {
  if (!/^(Script=)?\w+$/.test(property)) return false;
  try {
    return new RegExp(`\\p{${property}}`, "u").unicode;
  } catch {
    return false;
  }
}

/** Reads a class from its "[" to its "]". */
export function readClass(reader: CharacterReader, mode: RegexMode, isNested = false): string {
  reader.take("[");
  const isNegated = reader.take("^");
  const intersected: string[] = [];
  let members = "";
  while (!reader.take("]")) {
    if (reader.isAtEnd) throw reader.unsupported("a class that does not end");
    if (reader.take("&&")) {
      intersected.push(members);
      members = "";
    } else {
      members += readMember(reader, mode);
    }
  }
  if (members === "" || intersected.includes("")) throw reader.unsupported("an empty class");
  // Oniguruma adds the other case to the whole class, and to what has been taken out of it.
  if (mode.ignoresCase && ((isNegated && isNested) || intersected.length > 0)) {
    throw reader.unsupported("a class that is taken out of another one without regard to case");
  }
  const union = [...intersected, members].map((part) => `[${part}]`);
  if (union.length === 1) return isNegated ? `[^${members}]` : `[${members}]`;
  return `[${isNegated ? "^" : ""}${union.join("&&")}]`;
}

/** A character, a range or a class within a class. */
function readMember(reader: CharacterReader, mode: RegexMode): string {
  const bracket = reader.takeMatch(/\[:(\^?)(\w+):\]/y);
  if (bracket !== undefined) {
    const named = IN_BRACKETS[bracket[2] ?? ""];
    if (named === undefined) throw reader.unsupported(`the class "${bracket[0]}"`);
    return caseOfSet(reader, mode, bracket[1] === "^" ? `[^${named}]` : named);
  }
  if (reader.next === "[") return reader.nested(() => readClass(reader, mode, true));
  const first = readMemberCharacter(reader);
  if (first.character === undefined) return caseOfSet(reader, mode, first.source);
  if (!reader.take("-")) {
    return mode.ignoresCase ? variantsOf(reader, first.character).map(literal).join("") : first.source;
  }
  // A "-" that begins no range stands for itself: "[+-]".
  if (reader.next === "]") return `${readAlone(reader, mode, first.character)}\\-`;
  const last = readMemberCharacter(reader);
  if (last.character === undefined) throw reader.unsupported("a range to a class");
  if (mode.ignoresCase) return rangeOfAnyCase(reader, first.character, last.character);
  return `${first.source}-${last.source}`;
}

function readAlone(reader: CharacterReader, mode: RegexMode, character: string): string {
  return mode.ignoresCase ? variantsOf(reader, character).map(literal).join("") : literal(character);
}

function readMemberCharacter(reader: CharacterReader): Escaped {
  if (reader.take("\\")) {
    if (reader.take("b")) return ofCharacter("\b");
    if (reader.take("w")) return { source: `[${WORD}]` };
    if (reader.take("W")) return { source: `[^${WORD}]` };
    if (reader.take("R") || reader.take("X")) throw reader.unsupported('"\\R" and "\\X" in a class');
    return readEscape(reader);
  }
  return ofCharacter(reader.takeCharacter());
}

/** Sets of one case are not closed under it. */
function caseOfSet(reader: CharacterReader, mode: RegexMode, source: string): string {
  if (mode.ignoresCase && /\{L[ult]\}|case\}|case_Letter\}/.test(source)) {
    throw reader.unsupported("a class of upper- or lower-case letters without regard to case");
  }
  return source;
}

/** A range together with what is the same without regard to case. */
function rangeOfAnyCase(reader: CharacterReader, first: string, last: string): string {
  const [from = 0, to = 0] = [first.codePointAt(0), last.codePointAt(0)];
  if (to > 0x7f) throw reader.unsupported("a range beyond ASCII without regard to case");
  const codes = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => String.fromCharCode(from + i));
  if (codes.length === 0) throw reader.unsupported("an empty range");
  return [...new Set(codes.flatMap((code) => variantsOf(reader, code)))].map(literal).join("");
}
