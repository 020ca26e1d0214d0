/**
 * Cutting a JSON object into its entries without making anything of them: what a stranger's text would become in
 * memory, up to 30 times its size, is decided only when each value's length and depth are known.
 *
 * @module
 */

/** An entry of an object. */
export interface JsonEntry {
  readonly key: string;
  /** The value as it is written; not checked yet. */
  readonly text: string;
  /** How many objects and lists lie within each other in it: 0 for a number, 1 for a list of numbers. */
  readonly depth: number;
}

/**
 * The entries of an object in their order, also those whose keys are the same.
 *
 * @throws {SyntaxError} If the text is no object; faults within a value show when that is parsed.
 */
export function* jsonEntries(text: string): Generator<JsonEntry> {
  let at = skipSpace(text, skipSpace(text, 0, "{"));
  if (text[at] !== "}") {
    while (true) {
      const end = endOfString(text, at);
      const key = String(JSON.parse(text.slice(at, end)));
      const begin = skipSpace(text, end, ":");
      const value = endOfValue(text, begin);
      yield { key, text: text.slice(begin, value.end), depth: value.depth };
      at = value.end;
      if (text[at] === "}") break;
      at = skipSpace(text, at, ",");
    }
  }
  if (skipSpace(text, at, "}") < text.length) throw new SyntaxError("There is something after the object");
}

/** Where the space from a place on ends, a character in it or none. */
function skipSpace(text: string, from: number, character = ""): number {
  let at = from;
  const skip = () => {
    while (at < text.length && " \t\n\r".includes(text[at] ?? "")) at++;
  };
  skip();
  if (!text.startsWith(character, at)) throw new SyntaxError(`There is no ${character}`);
  at += character.length;
  if (character !== "") skip();
  return at;
}

/** The end of the string that begins at a place. */
function endOfString(text: string, open: number): number {
  if (text[open] !== '"') throw new SyntaxError("There is no string");
  for (let close = text.indexOf('"', open + 1); close >= 0; close = text.indexOf('"', close + 1)) {
    let before = close;
    while (text[before - 1] === "\\") before--;
    if ((close - before) % 2 === 0) return close + 1;
  }
  throw new SyntaxError("A string has no end");
}

/** Where a value gives way to a comma or to the end of its object, and how deep it is. */
function endOfValue(text: string, begin: number): { end: number; depth: number } {
  let open = 0;
  let depth = 0;
  for (let at = begin; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at) - 1;
        break;
      case "{":
      case "[":
        open++;
        depth = Math.max(depth, open);
        break;
      case "}":
      case "]":
        if (open === 0) return { end: at, depth };
        open--;
        break;
      case ",":
        if (open === 0) return { end: at, depth };
    }
  }
  throw new SyntaxError("A value has no end");
}
