/**
 * Regular expressions of tokenizer.json, which are Oniguruma's, as JavaScript's. They are alike enough to look the same and
 * differ in what they match: `\s`, `\d`, `\w` and `\b` are Unicode's, `^` and `$` stand at every line, `.` is all but "\n",
 * `(?i:…)` reaches "ſ" and the Kelvin sign, `++` keeps what it has. So a pattern is read completely and written anew with
 * the flag "v". What has no counterpart is refused by its name.
 *
 * @module
 */

import { LONE_WORD, readClass, readEscape } from "./regex_class.ts";
import { anyCase, CharacterReader, isMultipleOfCharacters } from "./regex_reader.ts";
import type { RegexMode } from "./regex_reader.ts";

/**
 * Translates a pattern.
 *
 * @param pattern In Oniguruma's syntax.
 * @returns An expression with the flags "g" and "v" that finds the same, without groups that capture for their own sake.
 * @throws {SyntaxError} The pattern is wrong, or has something that JavaScript's expressions can't do; the message names it.
 */
export function translateRegex(pattern: string): RegExp {
  const translator = new Translator(pattern);
  const source = translator.alternatives({ ignoresCase: false, dotIsAll: false, isExtended: false });
  translator.expectEnd();
  return new RegExp(source, "gv");
}

/** What stands for itself once it is read: positions, and sets of fixed meaning. */
const FIXED: Readonly<Record<string, string>> = {
  A: "(?<![^])",
  z: "(?![^])",
  Z: "(?=\\n?(?![^]))",
  b: `(?:(?<=${LONE_WORD})(?!${LONE_WORD})|(?<!${LONE_WORD})(?=${LONE_WORD}))`,
  B: `(?:(?<=${LONE_WORD})(?=${LONE_WORD})|(?<!${LONE_WORD})(?!${LONE_WORD}))`,
  N: "[^\\n]",
  O: "[^]",
};

const LINE_BREAK = "\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029]";
const LINE_START = "(?:(?<![^])|(?<=\\n)(?=[^]))";
const LINE_END = "(?![^\\n])";

class Translator extends CharacterReader {
  #atomicGroups = 0;

  /** Alternatives to the end of a group. An option without a group, as in "a(?i)b|c", holds to the end of its group. */
  alternatives(mode: RegexMode): string {
    let source = "";
    let run = "";
    while (!this.isAtEnd && this.next !== ")") {
      if (this.take("|")) {
        source += "|";
        run = "";
        continue;
      }
      if (mode.isExtended && this.skipExtended()) continue;
      const options = this.#inlineOptions(mode);
      if (options !== undefined) return `${source}(?:${this.alternatives(options)})`;
      const start = this.position;
      const atom = this.#atom(mode);
      const read = this.read(start);
      const quantified = this.#quantified(atom);
      run = quantified === atom && [...read].length === 1 ? run + read : "";
      if (mode.ignoresCase && isMultipleOfCharacters(run)) {
        throw this.unsupported(`"${run}" without regard to case, which one character can stand for`);
      }
      source += quantified;
    }
    return source;
  }

  #atom(mode: RegexMode): string {
    if (this.next === "(") return this.#group(mode);
    if (this.next === "[") return readClass(this, mode);
    if (this.take("\\")) return this.#escape(mode);
    const character = this.takeCharacter();
    if (character === ".") return mode.dotIsAll ? "[^]" : "[^\\n]";
    if (character === "^") return LINE_START;
    if (character === "$") return LINE_END;
    if ("*+?".includes(character)) throw this.unsupported(`"${character}" with nothing before it`);
    return anyCase(this, character, mode);
  }

  #escape(mode: RegexMode): string {
    const fixed = FIXED[this.next];
    if (fixed !== undefined) {
      this.takeCharacter();
      return fixed;
    }
    if (this.take("R")) return this.#atomic(LINE_BREAK);
    if (this.take("w") || this.takeMatch(/p\{word\}/iy) !== undefined) return LONE_WORD;
    if (this.take("W")) return `[^${LONE_WORD}]`;
    const { source, character } = readEscape(this);
    return character === undefined ? source : anyCase(this, character, mode);
  }

  /** "(?i)" and the like: the mode from here on. */
  #inlineOptions(mode: RegexMode): RegexMode | undefined {
    const options = this.takeMatch(/\(\?([imx]*)(?:-([imx]*))?\)/y);
    return options === undefined ? undefined : changed(mode, options[1], options[2]);
  }

  #group(mode: RegexMode): string {
    if (this.takeMatch(/\(\?#[^)]*\)/y) !== undefined) return "(?:)";
    const options = this.takeMatch(/\(\?([imx]*)(?:-([imx]*))?:/y);
    if (options !== undefined) return `(?:${this.#inside(changed(mode, options[1], options[2]))})`;
    const around = this.takeMatch(/\((\?=|\?!|\?<=|\?<!)/y);
    if (around !== undefined) return `(${around[1]}${this.#inside(mode)})`;
    if (this.takeMatch(/\(\?>/y) !== undefined) return this.#atomic(this.#inside(mode));
    // Nothing refers to what a group has found, so it need not be kept.
    if (this.takeMatch(/\((?:\?(?:<[A-Za-z_]\w*>|'[A-Za-z_]\w*'))?(?![?*])/y) !== undefined) {
      return `(?:${this.#inside(mode)})`;
    }
    throw this.unsupported(`the group "${this.rest(4)}"`);
  }

  #inside(mode: RegexMode): string {
    const source = this.alternatives(mode);
    if (!this.take(")")) throw this.unsupported("a group that does not end");
    return source;
  }

  /** What has matched is not given back. JavaScript's look-ahead is such, and a reference takes what it has found. */
  #atomic(source: string): string {
    const name = `a${this.#atomicGroups++}`;
    return `(?:(?=(?<${name}>${source}))\\k<${name}>)`;
  }

  /** An atom and the quantifiers behind it. */
  #quantified(atom: string): string {
    for (;;) {
      const simple = this.takeMatch(/([*+?])([+?]?)/y);
      const interval = simple === undefined ? this.takeMatch(/\{(\d*)(,?)(\d*)\}/y, isInterval) : undefined;
      if (simple !== undefined) {
        const [, quantifier = "", suffix = ""] = simple;
        atom = suffix === "+" ? this.#atomic(`${atom}${quantifier}`) : `(?:${atom}${quantifier}${suffix})`;
      } else if (interval !== undefined) {
        atom = this.#interval(atom, interval);
      } else {
        return atom;
      }
    }
  }

  #interval(atom: string, [, low = "", comma = "", high = ""]: RegExpExecArray): string {
    if (high !== "" && Number(low) > Number(high)) throw this.unsupported(`the interval {${low},${high}}`);
    const counts = `{${low || "0"}${comma}${high}}`;
    // "{n}?" is none or n, "{n,m}?" as few as possible; a "+" behind repeats it all.
    if (comma !== "" && this.take("?")) return `(?:${atom}${counts}?)`;
    return `(?:${atom}${counts})`;
  }
}

function isInterval([, low, comma, high]: RegExpExecArray): boolean {
  return low !== "" || (comma !== "" && high !== "");
}

function changed(mode: RegexMode, on = "", off = ""): RegexMode {
  const is = (option: string, before: boolean) => off.includes(option) ? false : on.includes(option) || before;
  return {
    ignoresCase: is("i", mode.ignoresCase),
    dotIsAll: is("m", mode.dotIsAll),
    isExtended: is("x", mode.isExtended),
  };
}
