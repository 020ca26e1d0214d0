/**
 * Regular expressions as programs that read a text once from left to right. Most patterns of tokenizers can be written
 * so: classes of characters, choices, repetitions, and a look at the one character that follows.
 *
 * @module
 */

import { CharacterReader } from "./regex_reader.ts";

/** One step of a program. Of two ways that both find something, the first counts. */
export type Instruction =
  | { readonly kind: "take"; readonly set: number; readonly next: number }
  | { readonly kind: "look"; readonly set: number; readonly isWanted: boolean; readonly next: number }
  | { readonly kind: "fork"; first: number; second: number }
  | { readonly kind: "found" };

/** A program. */
export interface Program {
  /** The sets of characters that it tells apart, each as an expression for one character. */
  readonly sets: readonly RegExp[];
  readonly instructions: readonly Instruction[];
  /** The instruction to begin with. */
  readonly start: number;
}

/** Repetitions are written out; an expression that becomes longer than this stays what it is. */
const MOST_INSTRUCTIONS = 2000;

/**
 * Writes an expression as a program.
 *
 * @param regex An expression as `translateRegex` makes them.
 * @returns A program that finds the same, or nothing for an expression that can match the empty text, looks behind or
 * further ahead than one character, or keeps a choice from being tried again (an atomic group of more than one class).
 */
export function compileRegex(regex: RegExp): Program | undefined {
  if (!/^g?[uv]$/.test(regex.flags)) return undefined;
  const compiler = new Compiler(regex);
  try {
    return compiler.compile();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A part of an expression. */
interface Part {
  /** Writes the part, which goes on at an instruction, and gives the one that it begins with. */
  readonly write: (next: number) => number;
  readonly canBeEmpty: boolean;
  /** The set that it takes one character of, if it is no more than that. */
  readonly set?: number;
}

const NOTHING: Part = { write: (next) => next, canBeEmpty: true };

/** A character or a set of them: a class, an escape, or any character without a meaning of its own. */
const ESCAPE = /\\(?:[pP]\{[^}]*\}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtvfsSdDwW0]|[^a-zA-Z0-9])/y;

class Compiler extends CharacterReader {
  readonly #flags: string;
  readonly #instructions: Instruction[] = [];
  readonly #sets: string[] = [];

  constructor(regex: RegExp) {
    super(regex.source);
    this.#flags = regex.flags.replace("g", "");
  }

  compile(): Program {
    const whole = this.#alternatives();
    this.expectEnd();
    if (whole.canBeEmpty) throw this.unsupported("an expression that finds nothing everywhere");
    const start = whole.write(this.#add({ kind: "found" }));
    const sets = this.#sets.map((source) => new RegExp(`^${source}$`, this.#flags));
    return { sets, instructions: this.#instructions, start };
  }

  #alternatives(): Part {
    const choices = [this.#sequence()];
    while (this.take("|")) choices.push(this.#sequence());
    return choices.reduceRight((rest, choice) => this.#choice(choice, rest));
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (!this.isAtEnd && this.next !== "|" && this.next !== ")") parts.push(this.#repeated(this.#atom()));
    return parts.length === 0 ? NOTHING : parts.reduceRight((rest, part) => this.#chain(part, rest));
  }

  #atom(): Part {
    if (this.takeMatch(/\(\?:\(\?=\(\?<a\d+>/y) !== undefined) return this.#atomic();
    if (this.take("(?:")) return this.#inside();
    const look = this.takeMatch(/\(\?([=!])/y);
    if (look === undefined) return this.#taken(this.#set());
    const { set } = this.#inside();
    if (set === undefined) throw this.unsupported("a look at more than one character");
    return this.#look(set, look[1] === "=");
  }

  #inside(): Part {
    const part = this.nested(() => this.#alternatives());
    if (!this.take(")")) throw this.unsupported("a group that does not end");
    return part;
  }

  /** As `translateRegex` writes what does not give back: "A++" is "A+" before something that is no A. */
  #atomic(): Part {
    const body = this.takeMatch(/\(\?:/y) === undefined ? undefined : this.#set();
    const quantifier = this.takeMatch(/[+*?](?=\))/y)?.[0];
    if (body === undefined || quantifier === undefined || this.takeMatch(/\)\)\)\\k<a\d+>\)/y) === undefined) {
      throw this.unsupported("an atomic group of more than one class");
    }
    const one = this.#taken(body);
    const end = this.#look(body, false);
    if (quantifier === "?") return this.#choice(one, end);
    return this.#chain(this.#repeat(one, quantifier === "+" ? 1 : 0, Infinity, false), end);
  }

  /** The number of the set that stands here. */
  #set(): number {
    const start = this.position;
    if (this.next === "[") this.#skipClass();
    else if (this.next === "\\") this.#skipEscape();
    else if ("^$()|*+?{}]".includes(this.takeCharacter())) throw this.unsupported("a character with a meaning");
    const source = this.read(start);
    const known = this.#sets.indexOf(source);
    return known >= 0 ? known : this.#sets.push(source) - 1;
  }

  #skipClass(): void {
    this.takeCharacter();
    while (!this.take("]")) {
      if (this.next === "[") this.nested(() => this.#skipClass());
      else if (this.next === "\\") this.#skipEscape();
      else this.takeCharacter();
    }
  }

  #skipEscape(): void {
    if (this.takeMatch(ESCAPE) === undefined) throw this.unsupported("an escape that is no set");
  }

  #taken(set: number): Part {
    return { write: (next) => this.#add({ kind: "take", set, next }), canBeEmpty: false, set };
  }

  #look(set: number, isWanted: boolean): Part {
    return { write: (next) => this.#add({ kind: "look", set, isWanted, next }), canBeEmpty: true };
  }

  #repeated(part: Part): Part {
    const match = this.takeMatch(/(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y);
    if (match === undefined) return part;
    if (part.canBeEmpty) throw this.unsupported("a repeated part that may be empty");
    const [, sign, low = "", comma, high = "", lazy] = match;
    const [least, most] = sign === undefined
      ? [Number(low), comma === "" ? Number(low) : high === "" ? Infinity : Number(high)]
      : [sign === "+" ? 1 : 0, sign === "?" ? 1 : Infinity];
    return this.#repeat(part, least, most, lazy === "?");
  }

  /** A part so many times: first those that must be, then those that may be, each within the one before. */
  #repeat(part: Part, least: number, most: number, isLazy: boolean): Part {
    const optional = (rest: Part): Part =>
      isLazy ? this.#choice(NOTHING, this.#chain(part, rest)) : this.#choice(this.#chain(part, rest), NOTHING);
    let tail = most === Infinity ? this.#loop(part, isLazy) : NOTHING;
    if (most !== Infinity) {
      for (let count = least; count < Math.min(most, MOST_INSTRUCTIONS); count++) tail = optional(tail);
    }
    for (let count = 0; count < Math.min(least, MOST_INSTRUCTIONS); count++) tail = this.#chain(part, tail);
    return tail;
  }

  #loop(part: Part, isLazy: boolean): Part {
    const write = (next: number): number => {
      const fork = { kind: "fork" as const, first: next, second: next };
      const place = this.#add(fork);
      fork[isLazy ? "second" : "first"] = part.write(place);
      return place;
    };
    return { write, canBeEmpty: true };
  }

  #chain(first: Part, second: Part): Part {
    return {
      write: (next) => first.write(second.write(next)),
      canBeEmpty: first.canBeEmpty && second.canBeEmpty,
    };
  }

  #choice(first: Part, second: Part): Part {
    const write = (next: number): number => {
      const other = second.write(next);
      return this.#add({ kind: "fork", first: first.write(next), second: other });
    };
    return { write, canBeEmpty: first.canBeEmpty || second.canBeEmpty };
  }

  #add(instruction: Instruction): number {
    if (this.#instructions.length >= MOST_INSTRUCTIONS) throw this.unsupported("an expression that is too long");
    return this.#instructions.push(instruction) - 1;
  }
}
