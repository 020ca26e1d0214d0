/**
 * The texts of files, whatever their format.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { DatasetError } from "../../../errors.ts";
import type { ByteSource } from "../../files/byte_source.ts";
import { bytesOf, compressedEndings, plainName } from "./bytes.ts";
import { type Line, linesEvery, linesOf, textOf } from "./lines.ts";
import { groupsEvery, parquetRows } from "./parquet.ts";
import { tableRows } from "./table.ts";

/** How texts are found in files. */
export interface RowOptions {
  /** The column of rows that have several. */
  readonly textColumn: string;
  /** Whether each line of a plain text is a document, and not the whole file. */
  readonly isLinePerDocument: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A row of a file, by its number in it: its text, or why it has none. */
export type TextRow = { readonly row: number } & ({ readonly text: string } | { readonly fault: DatasetError });

/** A row of a file, and the byte at which it begins, where files are read from there. */
export interface RowPlace {
  readonly row: number;
  readonly byte?: number | undefined;
}

/** Reads the rows of a file, from a row on. */
type ReadRows = (source: ByteSource, from: RowPlace, options: RowOptions) => AsyncGenerator<TextRow>;

/** The formats, by the ends of names. */
const FORMATS: Readonly<Record<string, ReadRows>> = {
  ".txt": plainText,
  ".text": plainText,
  ".md": plainText,
  ".jsonl": jsonLines,
  ".ndjson": jsonLines,
  ".json": json,
  ".csv": table(","),
  ".tsv": table("\t"),
  ".parquet": parquet,
};

/** The ends of the names of files that can be read. Formats that tell more of themselves come later. */
export const FORMAT_ENDINGS: readonly string[] = Object.keys(FORMATS);

/** The same, for messages. */
export function readableEndings(): string {
  return `${FORMAT_ENDINGS.join(", ")}, and all but .parquet with ${compressedEndings}`;
}

/** Whether the texts of a file of this name can be read. */
export function isReadable(name: string): boolean {
  return formatEnding(name) !== undefined;
}

/** The end of a name that says its format; nothing where none does. */
export function formatEnding(name: string): string | undefined {
  const plain = plainName(name).toLowerCase();
  return FORMAT_ENDINGS.find((ending) => plain.endsWith(ending));
}

/**
 * The rows of a file, in their order.
 *
 * @param from The first row that is wanted.
 * @throws {DatasetError} Where the file can't be read, or has no such column.
 */
export async function* rowsOf(source: ByteSource, from: RowPlace, options: RowOptions): AsyncGenerator<TextRow> {
  const read = FORMATS[formatEnding(source.name) ?? ""];
  if (!read) {
    throw new DatasetError(
      `Cannot read texts from ${source.name}: its name says no format; expected ${readableEndings()}`,
    );
  }
  yield* read(source, from, options);
}

/**
 * Places where a file can be read from, so many bytes apart or a little more. A compressed file has none, and one whose
 * rows begin where only those before them say.
 */
export async function* placesEvery(bytes: number, source: ByteSource, options: RowOptions): AsyncGenerator<RowPlace> {
  const ending = formatEnding(source.name);
  if (plainName(source.name) !== source.name) return;
  if (ending === ".parquet") yield* groupsEvery(bytes, source, options.textColumn, options.signal);
  else if (ending !== undefined && hasLines(ending, options)) {
    yield* linesEvery(bytes, bytesOf(source, options.signal));
  }
}

/** Whether each line of a file is a row. */
function hasLines(ending: string, { isLinePerDocument }: RowOptions): boolean {
  const read = FORMATS[ending];
  return read === jsonLines || (read === plainText && isLinePerDocument);
}

/** The lines of a file from a place on, or from its beginning, and the number of the first. */
function linesAt(source: ByteSource, { row, byte }: RowPlace, { signal }: RowOptions) {
  const first = byte === undefined ? 0 : row;
  return { first, lines: linesOf(bytesOf(source, signal, byte), source.name, first) };
}

async function* plainText(source: ByteSource, from: RowPlace, options: RowOptions): AsyncGenerator<TextRow> {
  if (!options.isLinePerDocument) {
    if (from.row === 0) yield asRow(0, await textOf(bytesOf(source, options.signal), source.name));
    return;
  }
  const { first, lines } = linesAt(source, from, options);
  let row = first - 1;
  for await (const line of lines) {
    row += 1;
    if (row >= from.row && line !== "") yield asRow(row, line);
  }
}

async function* jsonLines(source: ByteSource, from: RowPlace, options: RowOptions): AsyncGenerator<TextRow> {
  const { first, lines } = linesAt(source, from, options);
  let row = first - 1;
  for await (const line of lines) {
    row += 1;
    if (row < from.row) continue;
    if (typeof line !== "string") {
      yield asRow(row, line);
      continue;
    }
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      yield { row, fault: new DatasetError(`Cannot read row ${row} of ${source.name}: it is no JSON`, { cause }) };
      continue;
    }
    yield textIn(value, row, source.name, options);
  }
}

async function* json(source: ByteSource, { row: from }: RowPlace, options: RowOptions): AsyncGenerator<TextRow> {
  const text = await textOf(bytesOf(source, options.signal), source.name);
  if (typeof text !== "string") throw text;
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError(`Cannot read ${source.name}: it is no JSON; JSON lines have the ending .jsonl`, { cause });
  }
  if (!Array.isArray(rows)) {
    throw new DatasetError(`Cannot read ${source.name}: expected a list of rows, such as [{ "text": "…" }]`);
  }
  for (const [row, value] of rows.entries()) if (row >= from) yield textIn(value, row, source.name, options);
}

function table(delimiter: string): ReadRows {
  return async function* (source, { row: from }, options) {
    for await (const each of tableRows(bytesOf(source, options.signal), delimiter, source.name)) {
      if (each.row < from) continue;
      yield "fault" in each ? each : textIn(each.fields, each.row, source.name, options);
    }
  };
}

async function* parquet(source: ByteSource, { row: from }: RowPlace, options: RowOptions): AsyncGenerator<TextRow> {
  let row = from;
  for await (const value of parquetRows(source, from, [options.textColumn], options.signal)) {
    yield textIn(value, row, source.name, options);
    row += 1;
  }
}

function asRow(row: number, line: Line): TextRow {
  return typeof line === "string" ? { row, text: line } : { row, fault: line };
}

/** The text of a row, which is a string or has a column of strings. */
function textIn(value: unknown, row: number, name: string, { textColumn }: RowOptions): TextRow {
  const text = isRecord(value) ? value[textColumn] : value;
  if (typeof text === "string") return { row, text };
  const place = `Cannot read row ${row} of ${name}`;
  if (isRecord(value) && !Object.hasOwn(value, textColumn)) {
    const columns = Object.keys(value).map(show).join(", ") || "none";
    return {
      row,
      fault: new DatasetError(`${place}: it has no column ${show(textColumn)}; its columns are ${columns}`),
    };
  }
  return { row, fault: new DatasetError(`${place}: ${show(textColumn)} is ${show(text)}, where a text is expected`) };
}
