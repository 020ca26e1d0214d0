/**
 * Text of UTF-8 bytes, whole and line by line.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { tellingRow } from "./bytes.ts";

const LINE_FEED = 10;

/** Bytes of a row at most: what is longer is no text, or its end is missing. */
export const MOST_ROW_BYTES = 1 << 28;

/** A line, or why it is none. */
export type Line = string | DatasetError;

/**
 * The lines of bytes that come in pieces, without the ends of lines; an empty last line is none.
 *
 * @param name The file's, for messages.
 * @param first The number of the first one in the file.
 * @throws {DatasetError} Where a line is too long to be one.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>, name: string, first = 0): AsyncGenerator<Line> {
  let row = first;
  let begun: Uint8Array[] = [];
  let length = 0;
  for await (const piece of tellingRow(bytes, () => row)) {
    const end = piece.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      const lines = decodeLines(joined([...begun, piece.subarray(0, end - 1)]), name, row);
      for (const line of lines) yield line;
      row += lines.length;
      [begun, length] = [[], 0];
    }
    if (end === piece.length) continue;
    begun.push(piece.subarray(end));
    length += piece.length - end;
    if (length > MOST_ROW_BYTES) throw tooLong(row, name);
  }
  if (begun.length > 0) yield* decodeLines(joined(begun), name, row);
}

/** A line, and the byte at which it begins. */
export interface LinePlace {
  readonly row: number;
  readonly byte: number;
}

/** The first line that begins after so many bytes, the first after so many more, and so on; none begins at the end. */
export async function* linesEvery(every: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<LinePlace> {
  let [row, next, start] = [0, every, 0];
  for await (const piece of bytes) {
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, end + 1)) {
      row += 1;
      const byte = start + end + 1;
      if (byte < next || end + 1 === piece.length) continue;
      yield { row, byte };
      next = byte + every;
    }
    start += piece.length;
  }
}

/** All of some bytes as text, or why they are none. */
export async function textOf(bytes: AsyncIterable<Uint8Array>, name: string): Promise<Line> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of tellingRow(bytes, () => 0)) {
    pieces.push(piece);
    length += piece.length;
    if (length > MOST_ROW_BYTES) throw tooLong(0, name);
  }
  return decode(joined(pieces), name, 0);
}

/** The error for a row that has no end in sight. */
export function tooLong(row: number, name: string): DatasetError {
  return new DatasetError(
    `Cannot read row ${row} of ${name}: it has more than ${MOST_ROW_BYTES} bytes; part it, or let each line be a document`,
  );
}

/** Lines that are whole. The text is decoded at once, which is several times as fast as line by line. */
function decodeLines(bytes: Uint8Array, name: string, firstRow: number): Line[] {
  let text: string;
  try {
    text = strict().decode(bytes);
  } catch {
    return splitBytes(bytes).map((line, i) => withoutReturn(decode(line, name, firstRow + i)));
  }
  return text.split("\n").map(withoutReturn);
}

function withoutReturn(line: Line): Line {
  return typeof line === "string" && line.endsWith("\r") ? line.slice(0, -1) : line;
}

function decode(bytes: Uint8Array, name: string, row: number): Line {
  try {
    return strict().decode(bytes);
  } catch (cause) {
    return new DatasetError(
      `Cannot read row ${row} of ${name}: it is not UTF-8; convert the file, or skip such rows with onBadRow "skip"`,
      { cause },
    );
  }
}

/** A decoder that leaves a byte order mark to `decode`'s first call, as files have it, and refuses what is no UTF-8. */
function strict(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true });
}

function splitBytes(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start <= bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, start);
    lines.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    if (end < 0) break;
    start = end + 1;
  }
  return lines;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1 && pieces[0]) return pieces[0];
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
