/**
 * Documents as a worker hands them over, some at a time: where each comes from, its tokens, and what its text is
 * compared by.
 *
 * All numbers are little-endian and unsigned. A piece consists of
 *
 * | from byte   | what                                                                                            |
 * | ----------- | ----------------------------------------------------------------------------------------------- |
 * | 0           | "ANDROJOB"                                                                                      |
 * | 8           | u32: the version of the layout, 1                                                               |
 * | 12          | u32: bytes of an id, 2 or 4                                                                     |
 * | 16          | u32: documents                                                                                  |
 * | 20          | u32: ids                                                                                        |
 * | 24          | u32: what texts are compared by: 0 nothing, 1 hashes, 2 hashes and signatures                   |
 * | 28          | u32: CRC-32 of all other bytes                                                                  |
 * | 32          | a table, [documents, 5] of u32: file, row, rows skipped before it, where it ends, whether it    |
 * |             | has a signature                                                                                 |
 * | behind them | hashes, [documents, 4] of u32, and signatures, [documents, 128] of u16                          |
 * | behind them | the ids                                                                                         |
 *
 * @module
 */

import { crc32 } from "../../../common/crc32.ts";
import { DatasetError } from "../../../errors.ts";
import type { TokenDocument } from "../documents.ts";
import type { Dedupe } from "../filtering/document_filter.ts";
import { SIGNATURE } from "../filtering/min_hash.ts";
import { HASH_WORDS } from "../filtering/text_keys.ts";
import type { IdBytes } from "../formats/token_file.ts";

const MAGIC = new TextEncoder().encode("ANDROJOB");
const VERSION = 1;

/** Bytes of the header, the checksum's place in it, and numbers of a document in the table. */
const [HEADER, CHECKSUM, ENTRY] = [32, 28, 5];

/** What texts are compared by. */
const KEYS: Readonly<Record<Dedupe, number>> = { none: 0, exact: 1, near: 2 };

/** A document, and how many rows before it were skipped since the last one. */
export interface HandedDocument {
  readonly document: TokenDocument;
  readonly skipped: number;
}

/** A piece that is being filled. */
export class PieceWriter {
  /** Tokens in it. */
  tokens = 0;
  readonly #keys: number;
  #isWide = false;
  #documents: HandedDocument[] = [];
  #hashes: Uint32Array[] = [];
  #signatures: (Uint16Array | undefined)[] = [];

  /** @param dedupe What the texts are compared for. */
  constructor(dedupe: Dedupe) {
    this.#keys = KEYS[dedupe];
  }

  /** Documents in it. */
  get documents(): number {
    return this.#documents.length;
  }

  /** Appends a document. */
  async add(handed: HandedDocument): Promise<void> {
    const { keys, tokens } = handed.document;
    if (this.#keys > 0) this.#hashes.push(await keys.hash());
    if (this.#keys > 1) this.#signatures.push(keys.signature());
    this.#documents.push(handed);
    this.tokens += tokens.length;
    this.#isWide ||= tokens.some((id) => id > 0xffff);
  }

  /** The bytes of the piece, which is empty then. */
  take(): Uint8Array<ArrayBuffer> {
    const documents = this.#documents;
    const { table, hashes, signatures, ids, bytes } = viewsOf({
      ...{ idBytes: this.#isWide ? 4 : 2, documents: documents.length, ids: this.tokens, keys: this.#keys },
    });
    let end = 0;
    for (const [i, { document: { place, tokens }, skipped }] of documents.entries()) {
      ids.set(tokens, end);
      end += tokens.length;
      const signature = this.#signatures[i];
      table.set([place.file, place.row, skipped, end, signature ? 1 : 0], i * ENTRY);
      if (signature) signatures.set(signature, i * SIGNATURE);
    }
    for (const [i, hash] of this.#hashes.entries()) hashes.set(hash, i * HASH_WORDS);
    [this.#documents, this.#hashes, this.#signatures, this.tokens, this.#isWide] = [[], [], [], 0, false];
    new DataView(bytes.buffer).setUint32(CHECKSUM, checksumOf(bytes), true);
    return bytes;
  }
}

/** Whether bytes are a piece, as it was written. */
export function isWhole(bytes: Uint8Array<ArrayBuffer>): boolean {
  return bytes.length >= HEADER && MAGIC.every((byte, i) => bytes[i] === byte) &&
    new DataView(bytes.buffer).getUint32(CHECKSUM, true) === checksumOf(bytes);
}

/**
 * The documents of a piece.
 *
 * @param bytes A whole piece.
 * @param name Its name, for messages.
 * @throws {DatasetError} If it is of another version.
 */
export function* readPiece(bytes: Uint8Array<ArrayBuffer>, name: string): Generator<HandedDocument> {
  const { table, hashes, signatures, ids } = viewsOf(readHeader(bytes, name), bytes);
  let start = 0;
  for (let i = 0; i * ENTRY < table.length; i++) {
    const [file = 0, row = 0, skipped = 0, end = 0, hasSignature] = table.subarray(i * ENTRY, (i + 1) * ENTRY);
    const keys = {
      hash: () => Promise.resolve(hashes.subarray(i * HASH_WORDS, (i + 1) * HASH_WORDS)),
      signature: () => hasSignature ? signatures.subarray(i * SIGNATURE, (i + 1) * SIGNATURE) : undefined,
    };
    yield {
      document: { place: { file, row, tokens: 0 }, tokens: Int32Array.from(ids.subarray(start, end)), keys },
      skipped,
    };
    start = end;
  }
}

/** The numbers of a piece's header. */
interface Header {
  readonly idBytes: IdBytes;
  readonly documents: number;
  readonly ids: number;
  readonly keys: number;
}

/** The parts of a piece. Hosts are little-endian, as WebAssembly is. */
function viewsOf({ idBytes, documents, ids, keys }: Header, given?: Uint8Array<ArrayBuffer>) {
  const [hashes, signatures] = [keys > 0 ? documents * HASH_WORDS : 0, keys > 1 ? documents * SIGNATURE : 0];
  const hashesAt = HEADER + documents * ENTRY * 4;
  const signaturesAt = hashesAt + hashes * 4;
  const idsAt = signaturesAt + signatures * 2;
  const bytes = given ?? new Uint8Array(idsAt + ids * idBytes);
  const { buffer } = bytes;
  if (!given) {
    bytes.set(MAGIC);
    new Uint32Array(buffer, MAGIC.length, 5).set([VERSION, idBytes, documents, ids, keys]);
  }
  return {
    bytes,
    table: new Uint32Array(buffer, HEADER, documents * ENTRY),
    hashes: new Uint32Array(buffer, hashesAt, hashes),
    signatures: new Uint16Array(buffer, signaturesAt, signatures),
    ids: idBytes === 2 ? new Uint16Array(buffer, idsAt, ids) : new Uint32Array(buffer, idsAt, ids),
  };
}

function readHeader(bytes: Uint8Array<ArrayBuffer>, name: string): Header {
  const [version, idBytes, documents = 0, ids = 0, keys = 0] = new Uint32Array(bytes.buffer, MAGIC.length, 5);
  if (version !== VERSION || (idBytes !== 2 && idBytes !== 4)) {
    throw new DatasetError(`Cannot read ${name}: its layout is of version ${version}, and ${VERSION} is known`);
  }
  return { idBytes, documents, ids, keys };
}

function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(HEADER), crc32(bytes.subarray(0, CHECKSUM)));
}
