/**
 * Documents: texts with the token that ends them, as token ids.
 *
 * @module
 */

import { ConfigError, DatasetError } from "../../errors.ts";
import { messageOf } from "../files/byte_source.ts";
import type { AndromedaTokenizer } from "../text/tokenizer.ts";
import type { TextFile, TextSource } from "./sources/text_source.ts";

/** A place between two tokens of a source: so many tokens into a row of a file. */
export interface SourcePlace {
  /** Index of the file. */
  readonly file: number;
  /** The row in it. */
  readonly row: number;
  /** Tokens of the row. */
  readonly tokens: number;
}

/** Where a source begins. */
export const BEGINNING: SourcePlace = { file: 0, row: 0, tokens: 0 };

/** Token ids of a text and its end. */
export interface TokenDocument {
  readonly place: SourcePlace;
  /** The document from `place.tokens` on. */
  readonly tokens: ArrayLike<number>;
}

/** How documents are made. */
export interface DocumentOptions {
  /** The token after each text. */
  readonly endToken: string;
  /** What becomes of a row that has no text, or a text that can't be tokenized. */
  readonly onBadRow: "error" | "skip";
  /** Told each row that is skipped. */
  readonly onSkip: (fault: DatasetError) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The documents of a source, from a place on. */
export async function* documentsOf(
  source: TextSource,
  tokenizer: AndromedaTokenizer,
  from: SourcePlace,
  options: DocumentOptions,
): AsyncGenerator<TokenDocument> {
  for (const [file, each] of source.files.entries()) {
    if (file < from.file) continue;
    const start = file === from.file ? from : { ...BEGINNING, file };
    for await (const document of documentsIn(each, tokenizer, start, options)) yield document;
  }
}

async function* documentsIn(
  file: TextFile,
  tokenizer: AndromedaTokenizer,
  from: SourcePlace,
  { endToken, onBadRow, onSkip, signal }: DocumentOptions,
): AsyncGenerator<TokenDocument> {
  for await (const each of file.rows(from.row)) {
    signal?.throwIfAborted();
    const { row } = each;
    const first = row === from.row ? from.tokens : 0;
    const fault = "fault" in each ? each.fault : undefined;
    const tokens = fault ??
      tokenize(tokenizer, "text" in each ? each.text + endToken : "", `row ${row} of ${file.name}`);
    if (tokens instanceof DatasetError) {
      if (onBadRow === "error") throw tokens;
      onSkip(tokens);
      continue;
    }
    yield { place: { file: from.file, row, tokens: first }, tokens: first === 0 ? tokens : tokens.slice(first) };
  }
}

/** The token ids of a text, or why it has none. */
function tokenize(tokenizer: AndromedaTokenizer, text: string, name: string): number[] | DatasetError {
  try {
    return tokenizer.encode(text);
  } catch (cause) {
    return new DatasetError(`Cannot tokenize ${name}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * The token that ends texts.
 *
 * @throws {ConfigError} Where there is none, or the vocabulary lacks it.
 */
export function endTokenOf(tokenizer: AndromedaTokenizer, given: string | undefined): string {
  const token = given ?? tokenizer.ownEosToken ?? tokenizer.eosToken;
  if (token === undefined) {
    throw new ConfigError(
      "Cannot end texts: the tokenizer names no end token; name one of its vocabulary as the option endToken",
    );
  }
  tokenizer.idOf(token);
  return token;
}
