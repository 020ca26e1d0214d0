/** The answers of Rust's tokenizers: those of `tests/fixtures/tokenizers/make.py`, and the parts that it tries. */

/** A text's ids, or a pair's ids and types, as the file spells them; `null` where Rust fails. */
type Spelled = string | null;

/** A kind of tokenizer with Rust's answers. */
interface Kind {
  readonly name: string;
  readonly model: number;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly encodings: readonly (Spelled | readonly [string, string])[];
  readonly decodings: readonly (readonly [string, string | null, string | null])[];
}

/** The file. */
interface Answers {
  readonly texts: readonly string[];
  readonly paired: readonly (readonly [string, string])[];
  readonly models: readonly Readonly<Record<string, unknown>>[];
  readonly kinds: readonly Kind[];
}

const url = new URL("../fixtures/tokenizers/rust.json", import.meta.url);

/** Rust's answers. */
export const answers: Answers = await (await fetch(url)).json();

/** A kind as tokenizer.json. */
export function fileOf({ model, parts }: Kind): Record<string, unknown> {
  return { version: "1.0", added_tokens: [], ...parts, model: answers.models[model] };
}

/** Ids as the file spells them. */
export function idsOf(spelled: string): number[] {
  return Array.from(spelled, (character) => character.codePointAt(0)! - 0x21);
}

/** All different values that kinds have for a part, such as "normalizer". */
export function partsOf(name: string): unknown[] {
  const texts = answers.kinds.map(({ parts }) => parts[name]).filter((part) => part !== undefined);
  return [...new Set(texts.map((part) => JSON.stringify(part)))].map((text) => JSON.parse(text));
}

/** Characters that Unicode has assigned after the tables of this host or of Rust: the two may not agree on them. */
export const NEWER_THAN_A_HOST = /[\p{Cn}\u{11de0}-\u{11de9}\u{16ea0}-\u{16eb8}\u{16ff4}-\u{16ff6}\ua7ce\ua7d2\ua7d4]/u;
