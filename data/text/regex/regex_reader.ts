/**
 * Reading a pattern character by character, and what "without regard to case" means for one.
 *
 * @module
 */

/** The mode of a part of a pattern. */
export interface RegexMode {
  /** (?i) */
  readonly ignoresCase: boolean;
  /** (?m), which is JavaScript's flag "s". */
  readonly dotIsAll: boolean;
  /** (?x): spaces and comments are for the reader. */
  readonly isExtended: boolean;
}

/** Groups may be this deep in each other. */
const DEEPEST = 200;

/** A place in a pattern. */
export class CharacterReader {
  readonly #pattern: string;
  #position = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** The position in the pattern. */
  get position(): number {
    return this.#position;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.#position >= this.#pattern.length;
  }

  /** The next UTF-16 unit. */
  get next(): string {
    return this.#pattern.charAt(this.#position);
  }

  /** The next text, for a message. */
  rest(length: number): string {
    return this.#pattern.slice(this.#position, this.#position + length);
  }

  /** The text that has been read since a place. */
  read(start: number): string {
    return this.#pattern.slice(start, this.#position);
  }

  /** Takes the next text if it is this one. */
  take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#position)) return false;
    this.#position += text.length;
    return true;
  }

  /** Takes what a sticky expression finds here. */
  takeMatch(
    expression: RegExp,
    isMeant: (match: RegExpExecArray) => boolean = () => true,
  ): RegExpExecArray | undefined {
    expression.lastIndex = this.#position;
    const match = expression.exec(this.#pattern);
    if (match === null || !isMeant(match)) return undefined;
    this.#position += match[0].length;
    return match;
  }

  /** Takes one character. */
  takeCharacter(): string {
    const code = this.#pattern.codePointAt(this.#position);
    if (code === undefined) throw this.unsupported("a pattern that ends too early");
    const character = String.fromCodePoint(code);
    this.#position += character.length;
    return character;
  }

  /** Reads what lies within a group or a class. */
  nested<T>(read: () => T): T {
    if (++this.#depth > DEEPEST) throw this.unsupported(`groups or classes in each other, more than ${DEEPEST} deep,`);
    const result = read();
    this.#depth--;
    return result;
  }

  /** Skips a space or a comment of an extended pattern. */
  skipExtended(): boolean {
    return this.takeMatch(/\s+|#[^\n]*/y) !== undefined;
  }

  /** Refuses a ")" that nothing opened. */
  expectEnd(): void {
    if (!this.isAtEnd) throw this.unsupported(`"${this.rest(1)}" without a group`);
  }

  /** The error for what has no counterpart. */
  unsupported(what: string): SyntaxError {
    return new SyntaxError(`${what} at character ${this.#position}`);
  }
}

/** A character as a regular expression with the flag "v". */
export function literal(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A character, or those that are the same without regard to case. */
export function anyCase(reader: CharacterReader, character: string, mode: RegexMode): string {
  if (!mode.ignoresCase) return literal(character);
  const variants = variantsOf(reader, character);
  return variants.length === 1 ? literal(character) : `[${variants.map(literal).join("")}]`;
}

/** All characters that are the same as one without regard to case. */
export function variantsOf(reader: CharacterReader, character: string): string[] {
  const cases = [character, character.toLowerCase(), character.toUpperCase()];
  if (cases.some((text) => [...text].length > 1)) {
    throw reader.unsupported(`"${character}" without regard to case, which can stand for several characters`);
  }
  const same = new RegExp(`^${literal(character)}$`, "iu");
  const others = cases.flatMap((text) => [text.toLowerCase(), text.toUpperCase()]);
  return [...new Set([...cases, ...others, ...FOLDED])].filter((candidate) => same.test(candidate));
}

/**
 * Characters that are the same as a letter besides its two cases: the long s, the Kelvin sign, final sigma and so on.
 */
const FOLDED = [
  ..."\u017f\u212a\u212b\u2126\u00b5\u0345\u03c2\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f4\u03f5\u1c80\u1c81\u1c82",
  ..."\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88\u1e9b\u1e9e\u1fbe\u01c5\u01c8\u01cb\u01f2\ua64a\ua64b",
];

/** Texts for which one character can stand without regard to case: "ß" for "ss", and letters with their marks. */
const ONE_CHARACTER = new RegExp(
  "ss|f[fil]|st|\\u02bcn|a\\u02be|\\u0565\\u0582|\\u0574[\\u0576\\u0565\\u056b\\u056d]|\\u057e\\u0576|" +
    "\\p{L}\\p{M}|\\p{Script=Greek}\\u03b9",
  "iu",
);

/** Whether a run of letters is, or has in it, what one character can stand for. */
export function isMultipleOfCharacters(run: string): boolean {
  return ONE_CHARACTER.test(run);
}
