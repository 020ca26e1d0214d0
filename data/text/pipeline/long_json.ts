/**
 * Reading a tokenizer.json. Its vocabulary of 200,000 entries and as many merges are read into two long lists each.
 * `JSON.parse` makes an object with 200,000 names of the one and 200,000 lists of the other, which takes several times
 * as long as all that is then made of them.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";

/** Two lists of equal length: tokens and their ids or scores, or the left and right halves of merges. */
export class Columns {
  /**
   * @param isObject Whether the file has an object of names and values, and not a list of pairs.
   * @param firsts Tokens, or left halves, or whole merges where the file has a list of texts.
   * @param seconds Ids, scores or right halves as the file has them; none for a list of texts.
   */
  constructor(
    readonly isObject: boolean,
    readonly firsts: readonly string[],
    readonly seconds: readonly unknown[],
  ) {}

  /** The columns of a parsed value: an object, a list of pairs or a list of texts; nothing if it is none of these. */
  static of(value: unknown): Columns | undefined {
    if (value instanceof Columns) return value;
    // With the keys this is faster than entries() or a lookup for each.
    if (isRecord(value)) return new Columns(true, Object.keys(value), Object.values(value));
    if (!Array.isArray(value)) return undefined;
    if (value.every((entry) => typeof entry === "string")) return new Columns(false, value, []);
    const isPair = (entry: unknown): entry is [string, unknown] =>
      Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string";
    if (!value.every(isPair)) return undefined;
    return new Columns(false, value.map(([first]) => first), value.map(([, second]) => second));
  }
}

/** Takes the place of what is read separately; no tokenizer.json has this text there. */
const PLACEHOLDER = -1;

/**
 * Parses a tokenizer.json.
 *
 * @param text Its text.
 * @returns The result of `JSON.parse`, except that the model's "vocab" and "merges" are `Columns` where they look as
 * they should.
 * @throws {SyntaxError} If it is not JSON.
 */
export function parseTokenizerJson(text: string): unknown {
  const apart: { name: string; columns: Columns; start: number; end: number }[] = [];
  try {
    const reader = new JsonReader(text);
    reader.members((name) => {
      if (name !== "model" || reader.peek() !== "{") return reader.skip();
      reader.members((name) => {
        if (name !== "vocab" && name !== "merges") return reader.skip();
        reader.peek();
        const start = reader.position;
        apart.push({ name, columns: reader.columns(), start, end: reader.position });
      });
    });
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return JSON.parse(text);
  }

  let rest = "";
  let end = 0;
  for (const part of apart) {
    rest += text.slice(end, part.start) + PLACEHOLDER;
    end = part.end;
  }
  const parsed = JSON.parse(rest + text.slice(end));
  for (const { name, columns } of apart) {
    if (parsed.model?.[name] === PLACEHOLDER) parsed.model[name] = columns;
  }
  return parsed;
}

/** The text is not as expected, and `JSON.parse` shall read or refuse it. */
class Unexpected extends Error {}

/** A slice that is longer than this would keep the whole file in memory. */
const LONGEST_COPY = 12;

/** Reads JSON from left to right. */
class JsonReader {
  readonly #text: string;
  /** The position in the text. */
  position = 0;
  /** The next backslash from the position on, or an earlier one that the position has passed. */
  #backslash = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is not space. */
  peek(): string {
    while (isSpace(this.#text.charCodeAt(this.position))) this.position++;
    return this.#text.charAt(this.position);
  }

  /** Reads an object; the callback reads the value of each member. */
  members(read: (name: string) => void): void {
    this.#list("{", "}", () => {
      const name = this.#string();
      this.#take(":");
      read(name);
    });
  }

  /** Reads an object of tokens and numbers, a list of such pairs, or a list of merges. */
  columns(): Columns {
    const firsts: string[] = [];
    const seconds: unknown[] = [];
    const isObject = this.peek() === "{";
    if (isObject) {
      this.members((token) => {
        firsts.push(token);
        seconds.push(this.#number());
      });
    } else {
      this.#list("[", "]", () => {
        if (this.peek() === '"') return firsts.push(this.#string());
        this.#take("[");
        firsts.push(this.#string());
        this.#take(",");
        seconds.push(this.peek() === '"' ? this.#string() : this.#number());
        this.#take("]");
      });
    }
    if (seconds.length !== 0 && seconds.length !== firsts.length) throw new Unexpected();
    return new Columns(isObject, firsts, seconds);
  }

  /** Skips a value. */
  skip(): void {
    let depth = 0;
    do {
      const next = this.peek();
      if (next === "") throw new Unexpected();
      if (next === '"') this.#string();
      else this.position++;
      if (next === "{" || next === "[") depth++;
      else if (next === "}" || next === "]") depth--;
    } while (depth > 0 || !",}]".includes(this.peek()));
  }

  #list(open: string, close: string, read: () => void): void {
    this.#take(open);
    if (this.peek() !== close) {
      read();
      while (this.peek() === ",") {
        this.position++;
        read();
      }
    }
    this.#take(close);
  }

  #take(character: string): void {
    if (this.peek() !== character) throw new Unexpected();
    this.position++;
  }

  #string(): string {
    this.#take('"');
    const start = this.position;
    let from = start;
    for (;;) {
      const end = this.#text.indexOf('"', from);
      if (end < 0) throw new Unexpected();
      const backslash = this.#backslashFrom(from);
      if (backslash > end) {
        this.position = end + 1;
        if (from === start && end - start <= LONGEST_COPY) return this.#text.slice(start, end);
        return JSON.parse(this.#text.slice(start - 1, end + 1));
      }
      from = backslash + 2; // what a backslash stands before ends nothing
    }
  }

  #backslashFrom(position: number): number {
    if (this.#backslash < position) {
      const found = this.#text.indexOf("\\", position);
      this.#backslash = found < 0 ? this.#text.length : found;
    }
    return this.#backslash;
  }

  #number(): number {
    this.peek();
    const start = this.position;
    while (isOfNumber(this.#text.charCodeAt(this.position))) this.position++;
    const value = Number(this.#text.slice(start, this.position));
    if (start === this.position || Number.isNaN(value)) throw new Unexpected();
    return value;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Digits, signs, point and exponent. */
function isOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e || code === 0x2b || code === 0x65 ||
    code === 0x45;
}
