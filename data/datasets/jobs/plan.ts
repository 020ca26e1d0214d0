/**
 * A source in the parts that jobs take.
 *
 * @module
 */

import type { SourcePlace } from "../documents.ts";
import type { RowPlace } from "../formats/rows.ts";
import type { TextFile, TextSource } from "../sources/text_source.ts";

/** A row of a source, and the byte of its file at which it begins, where files are read from there. */
export interface FileRow extends RowPlace {
  /** Index of the file. */
  readonly file: number;
}

/** Rows of a source, from one up to another. */
export interface SourceRange {
  readonly from: FileRow;
  readonly to: FileRow;
}

/** Says which rows they are, as names of files and of jobs do. */
export function rangeName({ from, to }: SourceRange): string {
  return `${from.file}.${from.row}-${to.file}.${to.row}`;
}

/** Whether a place is not before a row. */
export function isFrom({ file, row }: SourcePlace | FileRow, begin: FileRow): boolean {
  return file > begin.file || (file === begin.file && row >= begin.row);
}

/**
 * Parts of a source of about so many bytes: some small files, or a part of a large one. They are the same whichever
 * file is the first that is looked into.
 *
 * @param sizes Bytes of its files. One whose size is not known is a part of its own.
 * @param first Index of the first file of which parts are wanted.
 */
export async function* planRanges(
  { files }: TextSource,
  sizes: readonly (number | undefined)[],
  bytes: number,
  first: number,
): AsyncGenerator<SourceRange> {
  let [begin, taken] = [0, 0];
  const whole = function* (end: number): Generator<SourceRange> {
    if (end > Math.max(begin, first)) yield { from: { file: begin, row: 0 }, to: { file: end, row: 0 } };
    [begin, taken] = [end, 0];
  };
  for (const [index, file] of files.entries()) {
    const size = sizes[index];
    if (size === undefined || size > bytes || taken + size > bytes) yield* whole(index);
    taken += size ?? 0;
    if (size !== undefined && size <= bytes) continue;
    if (index >= first) yield* partsOf(file, index, bytes);
    [begin, taken] = [index + 1, 0];
  }
  yield* whole(files.length);
}

async function* partsOf(file: TextFile, index: number, bytes: number): AsyncGenerator<SourceRange> {
  let from: FileRow = { file: index, row: 0 };
  for await (const place of file.placesEvery(bytes)) {
    const to = { ...place, file: index };
    yield { from, to };
    from = to;
  }
  yield { from, to: { file: index + 1, row: 0 } };
}

/** A source that has the rows of a range and no others. */
export function rowsWithin(source: TextSource, { from, to }: SourceRange): TextSource {
  const files = source.files.slice(0, to.row > 0 ? to.file + 1 : to.file).map((file, index): TextFile => ({
    ...file,
    rows: async function* (_, onRead) {
      const end = index === to.file ? to.row : Infinity;
      for await (const row of file.rows(index === from.file ? from : { row: 0 }, onRead)) {
        if (row.row < end) yield row;
        // The next one is not asked for, because what follows would be read.
        if (row.row + 1 >= end) return;
      }
    },
  }));
  return { ...source, files };
}
