/**
 * Regular expressions of tokenizer.json, which are Oniguruma's, as JavaScript's. They are alike enough to look the same
 * and differ in what they match: `\s`, `\d`, `\w` and `\b` are Unicode's, `^` and `$` stand at every line, `.` is all
 * but "\n", `(?i:…)` reaches "ſ" and the Kelvin sign, `++` keeps what it has. So a pattern is read completely and
 * written anew with the flag "v". Parts without a counterpart are refused by name.
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
 * @returns An expression with the flags "g" and "v" that finds the same, without groups that capture for their own
 * sake.
 * @throws {SyntaxError} If the pattern is wrong, or has something that JavaScript's expressions can't do; the message
 * names it.
 */
export function translateRegex(pattern: string): RegExp {
  const translator = new Translator(pattern);
  const { source } = translator.alternatives({ ignoresCase: false, dotIsAll: false, isExtended: false });
  translator.expectEnd();
  return new RegExp(source, "gv");
}

/** Escapes for places. Any character is `\p{Any}`, because "[^]" with the flag "v" can't be repeated in Node 20. */
const POSITIONS: Readonly<Record<string, string>> = {
  A: "(?<!\\p{Any})",
  z: "(?!\\p{Any})",
  Z: "(?=\\n?(?!\\p{Any}))",
  b: `(?:(?<=${LONE_WORD})(?!${LONE_WORD})|(?<!${LONE_WORD})(?=${LONE_WORD}))`,
  B: `(?:(?<=${LONE_WORD})(?=${LONE_WORD})|(?<!${LONE_WORD})(?!${LONE_WORD}))`,
};

/** Escapes for characters that classes have not, or have otherwise. */
const CHARACTERS: Readonly<Record<string, string>> = {
  N: "[^\\n]",
  O: "\\p{Any}",
  w: LONE_WORD,
  W: `[^${LONE_WORD}]`,
};

const LINE_BREAK = "\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029]";
const LINE_START = "(?:(?<!\\p{Any})|(?<=\\n)(?=\\p{Any}))";
const LINE_END = "(?![^\\n])";

class Translator extends CharacterReader {
  #atomicGroups = 0;
  /** The number of look-behinds around the place. */
  #behind = 0;

  /** Alternatives to the end of a group. An option without a group, as in "a(?i)b|c", holds to the end of its group. */
  alternatives(mode: RegexMode): Part {
    let source = "";
    let run = "";
    let [isEmpty, canBeEmpty, hasChoice] = [true, false, false];
    while (!this.isAtEnd && this.next !== ")") {
      if (this.take("|")) {
        source += "|";
        run = "";
        canBeEmpty ||= isEmpty;
        [isEmpty, hasChoice] = [true, true];
        continue;
      }
      if (mode.isExtended && this.skipExtended()) continue;
      const options = this.#inlineOptions(mode);
      const start = this.position;
      const atom = options === undefined ? this.#atom(mode) : grouped(this.nested(() => this.alternatives(options)));
      const read = this.read(start);
      const part = this.#quantified(atom, mode);
      run = part === atom && [...read].length === 1 ? run + read : "";
      if (mode.ignoresCase && isMultipleOfCharacters(run)) {
        throw this.unsupported(`"${run}" without regard to case, which one character can stand for`);
      }
      source += part.source;
      isEmpty &&= part.canBeEmpty;
      hasChoice ||= part.hasChoice;
    }
    return { source, canBeEmpty: canBeEmpty || isEmpty, hasChoice };
  }

  #atom(mode: RegexMode): Part {
    if (this.next === "(") return this.#group(mode);
    if (this.next === "[") return one(readClass(this, mode));
    if (this.take("\\")) return this.#escape(mode);
    const character = this.takeCharacter();
    if (character === ".") return one(mode.dotIsAll ? "\\p{Any}" : "[^\\n]");
    if (character === "^") return position(LINE_START);
    if (character === "$") return position(LINE_END);
    if ("*+?".includes(character)) throw this.unsupported(`"${character}" with nothing before it`);
    return one(anyCase(this, character, mode));
  }

  #escape(mode: RegexMode): Part {
    const { next } = this;
    const fixed = POSITIONS[next] ?? CHARACTERS[next];
    if (fixed !== undefined) {
      this.takeCharacter();
      return next in POSITIONS ? position(fixed) : one(fixed);
    }
    if (this.take("R")) return this.#atomic(one(LINE_BREAK));
    if (this.takeMatch(/p\{word\}/iy) !== undefined) return one(LONE_WORD);
    const { source, character } = readEscape(this);
    return one(character === undefined ? source : anyCase(this, character, mode));
  }

  /** "(?i)" and the like: the mode from here on. */
  #inlineOptions(mode: RegexMode): RegexMode | undefined {
    const options = this.takeMatch(/\(\?([imx]*)(?:-([imx]*))?\)/y);
    return options === undefined ? undefined : changed(mode, options[1], options[2]);
  }

  #group(mode: RegexMode): Part {
    if (this.takeMatch(/\(\?#[^)]*\)/y) !== undefined) return position("(?:)");
    const options = this.takeMatch(/\(\?([imx]*)(?:-([imx]*))?:/y);
    if (options !== undefined) return grouped(this.#inside(changed(mode, options[1], options[2])));
    const around = this.takeMatch(/\((\?=|\?!|\?<=|\?<!)/y);
    if (around !== undefined) return this.#lookAround(around[1] ?? "", mode);
    if (this.takeMatch(/\(\?>/y) !== undefined) return this.#atomic(this.#inside(mode));
    // Nothing refers to what a group has found, so it need not be kept.
    if (this.takeMatch(/\((?:\?(?:<[A-Za-z_]\w*>|'[A-Za-z_]\w*'))?(?![?*])/y) !== undefined) {
      return grouped(this.#inside(mode));
    }
    throw this.unsupported(`the group "${this.rest(4)}"`);
  }

  #lookAround(kind: string, mode: RegexMode): Part {
    const isBehind = kind.includes("<");
    if (isBehind) this.#behind++;
    const { source } = this.#inside(mode);
    if (isBehind) this.#behind--;
    return position(`(${kind}${source})`);
  }

  #inside(mode: RegexMode): Part {
    const part = this.nested(() => this.alternatives(mode));
    if (!this.take(")")) throw this.unsupported("a group that does not end");
    return part;
  }

  /**
   * An atomic group does not backtrack. Nor does JavaScript's look-ahead, and a reference to its group takes what it
   * has found.
   */
  #atomic(part: Part): Part {
    // A look-behind is matched from its end, where nothing has been found yet.
    if (this.#behind > 0) throw this.unsupported("a look-behind with a possessive part or a line break");
    const name = `a${this.#atomicGroups++}`;
    return { ...part, source: `(?:(?=(?<${name}>${part.source}))\\k<${name}>)` };
  }

  /** An atom and the quantifiers behind it. */
  #quantified(part: Part, mode: RegexMode): Part {
    for (;;) {
      while (mode.isExtended && this.skipExtended());
      const simple = this.takeMatch(/([*+?])([+?]?)/y);
      const interval = simple === undefined ? this.takeMatch(/\{(\d*)(,?)(\d*)\}/y, isInterval) : undefined;
      if (simple === undefined && interval === undefined) return part;
      // JavaScript takes no empty turn and looks for another one; Oniguruma takes it and ends.
      if (part.canBeEmpty && part.hasChoice) throw this.unsupported("a repeated group that may be empty by choice");
      if (interval !== undefined) {
        part = this.#interval(part, interval);
      } else if (simple !== undefined) {
        const [, quantifier = "", suffix = ""] = simple;
        const source = `(?:${part.source}${quantifier}${suffix === "?" ? "?" : ""})`;
        const canBeEmpty = part.canBeEmpty || quantifier !== "+";
        part = { source, canBeEmpty, hasChoice: part.hasChoice || suffix === "?" };
        if (suffix === "+") part = this.#atomic(part);
      }
    }
  }

  #interval(part: Part, [, low = "", comma = "", high = ""]: RegExpExecArray): Part {
    if (high !== "" && Number(low) > Number(high)) throw this.unsupported(`the interval {${low},${high}}`);
    const counts = `{${low || "0"}${comma}${high}}`;
    // "{n}?" is none or n, "{n,m}?" as few as possible; a "+" behind repeats it all.
    const isLazy = comma !== "" && this.take("?");
    return {
      source: `(?:${part.source}${counts}${isLazy ? "?" : ""})`,
      canBeEmpty: part.canBeEmpty || Number(low) === 0,
      hasChoice: part.hasChoice || isLazy,
    };
  }
}

/** A translated part of a pattern. */
interface Part {
  readonly source: string;
  /** Whether it may match nothing. */
  readonly canBeEmpty: boolean;
  /**
   * Whether it may match less than it could, because of alternatives or of quantifiers that take as little as possible.
   */
  readonly hasChoice: boolean;
}

/** A part that matches a character, or two for a line break. */
function one(source: string): Part {
  return { source, canBeEmpty: false, hasChoice: false };
}

/** A part that matches a place. */
function position(source: string): Part {
  return { source, canBeEmpty: true, hasChoice: false };
}

function grouped(part: Part): Part {
  return { ...part, source: `(?:${part.source})` };
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
