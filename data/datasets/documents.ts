/**
 * Documents: texts with the token that ends them, as token ids.
 *
 * @module
 */

import { ConfigError, DatasetError } from "../../errors.ts";
import type { AndromedaTokenizer } from "../text/tokenizer.ts";
import type { ReadBytes } from "./build_progress.ts";
import { keysOf, type TextKeys } from "./filtering/text_keys.ts";
import type { TextSource } from "./sources/text_source.ts";
import { type TextBatch, tokenizeBatches } from "./tokenizing/batches.ts";
import type { TokenizerPool } from "./tokenizing/tokenizer_pool.ts";

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

/** Characters of a batch of texts, about: tokenizing them takes far longer than sending them to a worker. */
const BATCH_CHARACTERS = 1 << 18;

/** Token ids of a text and its end. */
export interface TokenDocument {
  readonly place: SourcePlace;
  /** The document from `place.tokens` on. */
  readonly tokens: Int32Array;
  /** What its text is compared by. */
  readonly keys: TextKeys;
}

/** How documents are made. */
export interface DocumentOptions {
  readonly tokenizer: AndromedaTokenizer;
  /** The token after each text. */
  readonly endToken: string;
  /** Workers that tokenize, at most. */
  readonly numCpu: number;
  /** Workers that are there already, and stay. */
  readonly pool?: TokenizerPool | undefined;
  /** What becomes of a row that has no text, or a text that can't be tokenized. */
  readonly onBadRow: "error" | "skip";
  /** Told each row that is skipped. */
  readonly onSkip: () => void;
  /** Counts what is read. */
  readonly read: Pick<ReadBytes, "read" | "finish">;
  readonly signal?: AbortSignal | undefined;
}

/** A row of a source; a fault: why it has no text. */
interface SourceRow {
  /** The row, and the tokens of it that are not wanted. */
  readonly place: SourcePlace;
  readonly name: string;
  readonly fault: DatasetError | undefined;
}

/** Rows in their order, and the texts of those that have one. */
interface RowBatch extends TextBatch {
  readonly rows: readonly SourceRow[];
  /** Why the source can't be read on. */
  readonly failure: { readonly cause: unknown } | undefined;
}

/** The documents of a source, from a place on. */
export async function* documentsOf(
  source: TextSource,
  from: SourcePlace,
  options: DocumentOptions,
): AsyncGenerator<TokenDocument> {
  const { onBadRow, onSkip, read, signal } = options;
  for await (const { batch, tokenized } of tokenizeBatches(batchesOf(source, from, read), options)) {
    let [text, start] = [0, 0];
    for (const row of batch.rows) {
      signal?.throwIfAborted();
      let fault = row.fault;
      if (!fault) {
        const end = tokenized.ends[text] ?? 0;
        const reason = tokenized.faults.get(text);
        const tokens = tokenized.ids.subarray(start + row.place.tokens, end);
        const words = batch.texts[text] ?? "";
        [text, start] = [text + 1, end];
        if (reason === undefined) {
          yield { place: row.place, tokens, keys: keysOf(words) };
          continue;
        }
        fault = new DatasetError(`Cannot tokenize ${row.name}: ${reason}`);
      }
      if (onBadRow === "error") throw fault;
      onSkip();
    }
    if (batch.failure) throw batch.failure.cause;
  }
}

/** The rows of a source in batches. One that can't be read on ends with what was read, and with why. */
async function* batchesOf(
  source: TextSource,
  from: SourcePlace,
  read: DocumentOptions["read"],
): AsyncGenerator<RowBatch> {
  let [rows, texts, characters]: [SourceRow[], string[], number] = [[], [], 0];
  const take = (failure?: RowBatch["failure"]): RowBatch => {
    const taken = { rows, texts, failure, name: `${rows[0]?.name} and what follows it` };
    [rows, texts, characters] = [[], [], 0];
    return taken;
  };
  try {
    for (const [index, file] of source.files.entries()) {
      if (index < from.file) continue;
      const start = index === from.file ? from : BEGINNING;
      for await (const each of file.rows(start, (bytes) => read.read(index, bytes))) {
        const { row } = each;
        const place = { file: index, row, tokens: row === start.row ? start.tokens : 0 };
        rows.push({ place, name: `row ${row} of ${file.name}`, fault: "fault" in each ? each.fault : undefined });
        if ("text" in each) texts.push(each.text);
        characters += 1 + ("text" in each ? each.text.length : 0);
        if (characters >= BATCH_CHARACTERS) yield take();
      }
      read.finish(index);
    }
  } catch (cause) {
    yield take({ cause });
    return;
  }
  if (rows.length > 0) yield take();
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
