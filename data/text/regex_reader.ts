/**
 * Reading a pattern character by character, and what "without regard to case" means for one.
 *
 * @module
 */

/** How a part of a pattern is meant. */
export interface RegexMode {
  /** (?i) */
  readonly ignoresCase: boolean;
  /** (?m), which is JavaScript's flag "s". */
  readonly dotIsAll: boolean;
  /** (?x): spaces and comments are for the reader. */
  readonly isExtended: boolean;
}

/** A place in a pattern. */
export class CharacterReader {
  readonly #pattern: string;
  #position = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** Where it is. */
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

  /** What comes next, for a message. */
  rest(length: number): string {
    return this.#pattern.slice(this.#position, this.#position + length);
  }

  /** What has been read since a place. */
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
  const folded = FOLDED.filter((candidate) => same.test(candidate));
  return [...new Set([...cases, ...cases.map((text) => text.toLowerCase()), ...folded])];
}

/** Characters that fold to a letter besides its two cases. */
const FOLDED = [..."KſÅΩµςϐϑϕϖϰϱϵẛιᲀᲁᲂᲃᲄᲅᲆᲇᲈꙊꙋẞθϴǅǈǋǲ"];

/** Texts for which one character stands without regard to case: "ß" for "ss". */
const ONE_CHARACTER = /ss|f[fil]|st|ʼn|ẖ|ẗ|ẘ|ẙ|aʾ|ǰ|եւ|մ[նեիխ]|վն|i̇/i;

/** Whether a run of letters is, or has in it, what one character can stand for. */
export function isMultipleOfCharacters(run: string): boolean {
  return ONE_CHARACTER.test(run);
}
