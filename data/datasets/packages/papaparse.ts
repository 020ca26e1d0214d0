/**
 * What parts tables of text into fields. The package says nothing of its types.
 *
 * @module
 */
import papaparse from "npm:papaparse@5.5.3";

/** How a table is written. */
interface TableFormat {
  readonly delimiter: string;
  readonly newline: string;
  readonly quoteChar: string;
}

/** What was found in a text. */
interface ParsedTable {
  readonly data: string[][];
  readonly errors: readonly { readonly message: string; readonly row: number }[];
  /** `cursor`: characters of the text that these rows are in. */
  readonly meta: { readonly cursor: number };
}

/** Parts texts into fields; the last row is left where it may go on. */
export const Parser: new (format: TableFormat) => {
  parse(text: string, start: number, leavesLastRow: boolean): ParsedTable;
} = papaparse.Parser;
