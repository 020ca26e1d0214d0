/**
 * Token files: rows of token ids as arrays have them in memory, so that any language maps them, and where in each row
 * its documents end.
 *
 * All numbers are little-endian and unsigned. A file consists of
 *
 * | from byte     | what                                                                                     |
 * | ------------- | ---------------------------------------------------------------------------------------- |
 * | 0             | "ANDROTOK"                                                                               |
 * | 8             | u32: the version of the layout, 1                                                        |
 * | 12            | u32: `idBytes`, 2 or 4                                                                   |
 * | 16            | u32: `seqLen`, the tokens of a row                                                       |
 * | 20            | u32: `rows`                                                                              |
 * | 24            | u32: `ends`, the documents of all rows; one that goes on in the next row counts in both  |
 * | 28            | u32: CRC-32 of the 28 bytes before                                                       |
 * | 64            | the ids, [rows, seqLen] of `idBytes` each; what a shorter row lacks is 0                 |
 * | a multiple of | the ends, [ends] of u32: where in its row each document ends, row by row; behind the     |
 * | 4 then        | last one of a row there is padding                                                       |
 * | behind them   | a table, [rows, 4] of u32: for each row the index of its first end, its number of ends,  |
 * |               | its length, and CRC-32 of these three numbers, its ids and its ends                      |
 *
 * and the bytes between are 0. A row is read with a few requests for its own bytes, wherever it is in the file.
 *
 * @module
 */

import { crc32 } from "../../../common/crc32.ts";
import { DatasetError } from "../../../errors.ts";
import type { ByteSource } from "../../files/byte_source.ts";
import type { DatasetRow } from "../blocks/block.ts";
import { documentEnds, rowOf } from "../blocks/documents.ts";
import { readRange } from "./ranges.ts";

const MAGIC = new TextEncoder().encode("ANDROTOK");
const VERSION = 1;

/** Bytes before the ids, and those of them that say something. */
const [IDS_AT, HEADER_BYTES] = [64, 32];

/** Numbers of a row in the table: its first end, its ends, its length, its checksum. */
const ENTRY = 4;

/** Bytes of a number of the table, and of an end. */
const WORD = 4;

/** Rows of the table that are read together. */
const TABLE_ROWS = 1 << 12;

/** Tokens of a group of rows that are written together. */
const PIECE_TOKENS = 1 << 18;

/** Bytes of a token id. */
export type IdBytes = 2 | 4;

/** Bytes of an id of a vocabulary; of one that is not known, as many as any needs. */
export function idBytesOf(vocabSize: number | undefined): IdBytes {
  return vocabSize !== undefined && vocabSize <= 1 << 16 ? 2 : 4;
}

/** The numbers of a file's header. */
interface Header {
  readonly idBytes: IdBytes;
  readonly seqLen: number;
  readonly rows: number;
  readonly ends: number;
}

/** Where the parts of a file begin, and how long it is. */
function layoutOf({ idBytes, seqLen, rows, ends }: Header) {
  const endsAt = Math.ceil((IDS_AT + rows * seqLen * idBytes) / WORD) * WORD;
  const tableAt = endsAt + ends * WORD;
  return { endsAt, tableAt, size: tableAt + rows * ENTRY * WORD };
}

/** A token file that is being written. */
export class TokenFileWriter {
  readonly #seqLen: number;
  readonly #idBytes: IdBytes;
  readonly #pieces: Uint8Array[] = [];
  #piece: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  #filled = 0;
  readonly #ends: number[] = [];
  readonly #table: number[] = [];

  /** @param seqLen Tokens of a row, at most. */
  constructor(seqLen: number, idBytes: IdBytes) {
    this.#seqLen = seqLen;
    this.#idBytes = idBytes;
    this.#piece = this.#newPiece();
  }

  /**
   * Appends a row.
   *
   * @throws {DatasetError} If the file can't say what is in it.
   */
  add(row: DatasetRow): void {
    const { inputIds: { length } } = row;
    const refuse = (why: string): never => {
      throw new DatasetError(`Cannot write row ${this.#table.length / ENTRY} of a token file: ${why}`);
    };
    if (length > this.#seqLen) refuse(`it has ${length} tokens where rows have ${this.#seqLen}; cut it`);
    const most = 2 ** (8 * this.#idBytes) - 1;
    const wrong = row.inputIds.find((id) => id < 0 || id > most);
    if (wrong !== undefined) refuse(`its token id ${wrong} is not between 0 and ${most}; give the right vocabSize`);
    const ends = documentEnds(row) ?? refuse(
      "its documentIds do not count up from 0, with padding at the end alone, as its attentionMask has it; " +
        "save it as parquet",
    );
    if (this.#filled === this.#piece.length) {
      this.#pieces.push(bytesOf(this.#piece));
      this.#piece = this.#newPiece();
    }
    this.#piece.set(row.inputIds, this.#filled);
    const ids = this.#piece.subarray(this.#filled, this.#filled + this.#seqLen);
    const entry = [this.#ends.length, ends.length, length];
    this.#filled += this.#seqLen;
    this.#table.push(...entry, checksumOf(entry, ids, Uint32Array.from(ends)));
    for (const end of ends) this.#ends.push(end);
  }

  /** Ends the file and gives its bytes, in pieces. */
  finish(): readonly Uint8Array[] {
    const [rows, ends] = [this.#table.length / ENTRY, this.#ends.length];
    const header: Header = { idBytes: this.#idBytes, seqLen: this.#seqLen, rows, ends };
    const gap = layoutOf(header).endsAt - IDS_AT - rows * this.#seqLen * this.#idBytes;
    return [
      writeHeader(header),
      ...this.#pieces,
      bytesOf(this.#piece.subarray(0, this.#filled)),
      new Uint8Array(gap),
      bytesOf(Uint32Array.from(this.#ends)),
      bytesOf(Uint32Array.from(this.#table)),
    ];
  }

  #newPiece() {
    this.#filled = 0;
    const length = this.#seqLen * Math.max(1, Math.floor(PIECE_TOKENS / this.#seqLen));
    return this.#idBytes === 2 ? new Uint16Array(length) : new Uint32Array(length);
  }
}

/** A token file that is open. */
export class TokenFile {
  /** Rows that it has. */
  readonly length: number;
  readonly #source: ByteSource;
  readonly #header: Header;
  readonly #signal: AbortSignal | undefined;
  /** Parts of the table by their first rows. */
  readonly #table = new Map<number, Promise<Uint32Array>>();

  private constructor(source: ByteSource, header: Header, signal: AbortSignal | undefined) {
    this.length = header.rows;
    this.#source = source;
    this.#header = header;
    this.#signal = signal;
  }

  /**
   * Opens a token file.
   *
   * @throws {DatasetError} If it is none, broken, or of a later version.
   */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<TokenFile> {
    const header = readHeader(source.name, new Uint8Array(await readRange(source, 0, HEADER_BYTES, signal)));
    const { size } = layoutOf(header);
    if (source.size !== undefined && source.size !== size) {
      throw broken(source.name, `it has ${source.size} bytes where its header says ${size}`);
    }
    return new TokenFile(source, header, signal);
  }

  /** Tokens of a row. */
  get seqLen(): number {
    return this.#header.seqLen;
  }

  /**
   * Reads rows from one up to another.
   *
   * @throws {DatasetError} If they are broken.
   */
  async read(start: number, end: number): Promise<DatasetRow[]> {
    const { idBytes, seqLen } = this.#header;
    const { endsAt } = layoutOf(this.#header);
    const entries = await this.#entries(start, end);
    const firstEnd = entries[0]?.[0] ?? 0;
    const lastEnd = entries.reduce((_, [first = 0, count = 0]) => first + count, firstEnd);
    const [ids, ends] = await Promise.all([
      this.#read(IDS_AT + start * seqLen * idBytes, IDS_AT + end * seqLen * idBytes),
      this.#read(endsAt + firstEnd * WORD, endsAt + lastEnd * WORD),
    ]);
    const [allIds, allEnds] = [idBytes === 2 ? new Uint16Array(ids) : new Uint32Array(ids), new Uint32Array(ends)];
    return entries.map((entry, i) => {
      const [first = 0, count = 0, length = 0, checksum] = entry;
      const rowIds = allIds.subarray(i * seqLen, (i + 1) * seqLen);
      const rowEnds = allEnds.subarray(first - firstEnd, first - firstEnd + count);
      if (checksumOf(entry.subarray(0, ENTRY - 1), rowIds, rowEnds) !== checksum) {
        throw broken(this.#source.name, `the checksum of row ${start + i} is wrong`);
      }
      return rowOf(Int32Array.from(rowIds.subarray(0, length)), rowEnds);
    });
  }

  /** The numbers of rows in the table. */
  async #entries(start: number, end: number): Promise<Uint32Array[]> {
    const entries: Uint32Array[] = [];
    for (let row = start; row < end;) {
      const first = row - row % TABLE_ROWS;
      const part = await this.#tablePart(first);
      for (; row < Math.min(end, first + TABLE_ROWS); row++) {
        entries.push(part.subarray((row - first) * ENTRY, (row - first + 1) * ENTRY));
      }
    }
    return entries;
  }

  /** A part of the table, read once; one that could not be read is tried anew. */
  #tablePart(first: number): Promise<Uint32Array> {
    const known = this.#table.get(first);
    if (known) return known;
    const part = this.#readTable(first, Math.min(first + TABLE_ROWS, this.length));
    this.#table.set(first, part);
    part.catch(() => this.#table.delete(first));
    return part;
  }

  async #readTable(start: number, end: number): Promise<Uint32Array> {
    const { tableAt } = layoutOf(this.#header);
    const table = new Uint32Array(await this.#read(tableAt + start * ENTRY * WORD, tableAt + end * ENTRY * WORD));
    let next = table[0] ?? 0;
    for (let i = 0; i < table.length; i += ENTRY) {
      const [first = 0, count = 0, length = 0] = table.subarray(i, i + ENTRY);
      next += count;
      const isRight = first + count === next && next <= this.#header.ends && count <= length;
      if (!isRight || length > this.#header.seqLen) {
        throw broken(this.#source.name, `the entry of row ${start + i / ENTRY} in its table is wrong`);
      }
    }
    return table;
  }

  #read(start: number, end: number): Promise<ArrayBuffer> {
    if (start === end) return Promise.resolve(new ArrayBuffer());
    return readRange(this.#source, start, end, this.#signal);
  }
}

/** Documents as a token file of one row. */
export function writeDocuments(documents: readonly Int32Array[]): readonly Uint8Array[] {
  const ends: number[] = [];
  for (const { length } of documents) ends.push((ends.at(-1) ?? 0) + length);
  const ids = new Int32Array(ends.at(-1) ?? 0);
  for (const [i, document] of documents.entries()) ids.set(document, (ends[i] ?? 0) - document.length);
  const writer = new TokenFileWriter(ids.length, idBytesOf(undefined));
  writer.add(rowOf(ids, ends));
  return writer.finish();
}

/** The documents of a token file of one row. */
export async function readDocuments(source: ByteSource): Promise<Int32Array[]> {
  const [row] = await (await TokenFile.open(source)).read(0, 1);
  const ends = row && documentEnds(row) || [];
  return ends.map((end, i) => row?.inputIds.slice(ends[i - 1] ?? 0, end) ?? new Int32Array());
}

function writeHeader({ idBytes, seqLen, rows, ends }: Header): Uint8Array {
  const bytes = new Uint8Array(IDS_AT);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [VERSION, idBytes, seqLen, rows, ends].entries()) {
    view.setUint32(MAGIC.length + i * WORD, word, true);
  }
  view.setUint32(HEADER_BYTES - WORD, crc32(bytes.subarray(0, HEADER_BYTES - WORD)), true);
  return bytes;
}

/** @throws {DatasetError} If the bytes are no header that is known. */
function readHeader(name: string, bytes: Uint8Array<ArrayBuffer>): Header {
  const view = new DataView(bytes.buffer);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new DatasetError(`Cannot read ${name}: it is no token file; give one that Dataset.save has written`);
  }
  const [version = 0, idBytes = 0, seqLen = 0, rows = 0, ends = 0, checksum] = Array.from(
    { length: (HEADER_BYTES - MAGIC.length) / WORD },
    (_, i) => view.getUint32(MAGIC.length + i * WORD, true),
  );
  if (version > VERSION) {
    throw new DatasetError(
      `Cannot read ${name}: its layout is of version ${version}, and ${VERSION} is known; use a newer release`,
    );
  }
  if (crc32(bytes.subarray(0, HEADER_BYTES - WORD)) !== checksum) throw broken(name, "its header's checksum is wrong");
  if (version !== VERSION || (idBytes !== 2 && idBytes !== 4) || seqLen === 0) {
    throw broken(name, `its header says version ${version}, ${idBytes} bytes an id and ${seqLen} tokens a row`);
  }
  return { idBytes, seqLen, rows, ends };
}

/** The checksum of a row: of its numbers in the table, its ids with what fills them up, and its ends. */
function checksumOf(entry: ArrayLike<number>, ids: Uint16Array | Uint32Array, ends: Uint32Array): number {
  return [Uint32Array.from(entry), ids, ends].reduce((crc, part) => crc32(bytesOf(part), crc), 0);
}

/** The bytes of numbers. Hosts are little-endian, as WebAssembly is. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function broken(name: string, why: string): DatasetError {
  return new DatasetError(`Cannot read ${name}: ${why}; it is damaged or cut off, so copy or build it anew`);
}
