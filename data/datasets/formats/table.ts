/**
 * Rows of tables of text: fields with commas or tabs between them, in quotes where they hold these or ends of lines.
 * The first row names the columns. (RFC 4180)
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { tellingRow } from "./bytes.ts";
import { MOST_ROW_BYTES, tooLong } from "./lines.ts";

/** The package that parts tables, loaded by those who have one. */
const parsing = () => import("../packages/papaparse.ts");

/** A row: its fields by their columns, or why it has none. */
export type TableRow =
  & { readonly row: number }
  & ({ readonly fields: Readonly<Record<string, string>> } | { readonly fault: DatasetError });

/**
 * The rows of a table that comes in pieces. They are counted from the one after the columns' names; empty lines are
 * none.
 *
 * @param name The file's, for messages.
 * @throws {DatasetError} Where it is not UTF-8, or quotes make no sense: nothing says where the next row begins.
 */
export async function* tableRows(
  bytes: AsyncIterable<Uint8Array>,
  delimiter: string,
  name: string,
): AsyncGenerator<TableRow> {
  const { Parser } = await parsing();
  const parser = new Parser({ delimiter, newline: "\n", quoteChar: '"' });
  let columns: readonly string[] | undefined;
  let [row, text, least] = [-1, "", 0];
  const parse = function* (isEnd: boolean): Generator<TableRow> {
    const { data, errors: [error], meta } = parser.parse(text, 0, !isEnd);
    for (const [i, raw] of data.entries()) {
      if (error?.row === i) throw quoteFault(error.message, Math.max(0, row), name);
      const fields = withoutReturn(raw);
      if (fields.length === 1 && fields[0] === "") continue;
      if (columns) yield asRow(columns, fields, row, name);
      else columns = columnsIn(fields, name);
      row += 1;
    }
    if (!isEnd && error) throw quoteFault(error.message, Math.max(0, row), name);
    text = text.slice(meta.cursor);
    // A row that is longer than a piece is looked at again when there is twice as much of it.
    least = data.length > 0 ? 0 : 2 * text.length;
    if (text.length > MOST_ROW_BYTES) throw tooLong(Math.max(0, row), name);
  };
  for await (const piece of textOf(tellingRow(bytes, () => Math.max(0, row)), () => row, name)) {
    text += piece;
    if (text.length >= least) yield* parse(false);
  }
  yield* parse(true);
}

async function* textOf(bytes: AsyncIterable<Uint8Array>, row: () => number, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (piece?: Uint8Array) => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new DatasetError(
        `Cannot read ${name}: it is not UTF-8 (at row ${Math.max(0, row())} or soon after it); convert the file`,
        { cause },
      );
    }
  };
  for await (const piece of bytes) yield decode(piece);
  yield decode();
}

function columnsIn(fields: readonly string[], name: string): readonly string[] {
  const twice = fields.find((field, i) => fields.indexOf(field) < i);
  if (twice === undefined) return fields;
  throw new DatasetError(`Cannot read ${name}: its first row names the column ${JSON.stringify(twice)} twice`);
}

/** The fields of a row whose line ends with a carriage return too. */
function withoutReturn(fields: readonly string[]): readonly string[] {
  const last = fields.at(-1);
  return last?.endsWith("\r") ? [...fields.slice(0, -1), last.slice(0, -1)] : fields;
}

function asRow(columns: readonly string[], fields: readonly string[], row: number, name: string): TableRow {
  if (fields.length === columns.length) {
    return { row, fields: Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? ""])) };
  }
  const counts = `it has ${fields.length} fields, and there are ${columns.length} columns`;
  return { row, fault: new DatasetError(`Cannot read row ${row} of ${name}: ${counts}`) };
}

function quoteFault(reason: string, row: number, name: string): DatasetError {
  return new DatasetError(
    `Cannot read row ${row} of ${name}: a quote is missing or out of place (${reason}); quotes within fields are doubled`,
  );
}
