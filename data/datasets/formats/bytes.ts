/**
 * The bytes of a file of a dataset, decompressed, in pieces.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { hasNodeModules, nodeModule } from "../../../host/node.ts";
import { type ByteSource, messageOf, streamChunks } from "../../files/byte_source.ts";
import { ExpansionLimit } from "../../files/expansion_limit.ts";
import { unpackZstd } from "./zstd.ts";

/** Bytes that are read at once. */
const PIECE = 1 << 20;

/** Bytes that may come of decompression before their ratio counts, and the largest ratio: texts have 20 at most. */
const [FREE_BYTES, MOST_EXPANSION] = [1 << 28, 200];

type Pieces = AsyncGenerator<Uint8Array>;

/** What decompresses files, by the ends of their names. */
const DECOMPRESSORS: Readonly<Record<string, (packed: Pieces) => Pieces>> = { ".gz": unpackGzip, ".zst": unpackZstd };

/** The ends of the names of compressed files, for messages. */
export const compressedEndings = Object.keys(DECOMPRESSORS).join(" or ");

/** The name of a file without the ending that says how it is compressed. */
export function plainName(name: string): string {
  const ending = compressedEnding(name);
  return ending === undefined ? name : name.slice(0, -ending.length);
}

function compressedEnding(name: string): string | undefined {
  return Object.keys(DECOMPRESSORS).find((ending) => name.toLowerCase().endsWith(ending));
}

/**
 * The bytes of a file to its end.
 *
 * @param from The first byte that is wanted, of a file that is not compressed.
 * @throws {DatasetError} Where they can't be read, are not compressed as the name says, or change meanwhile.
 */
export async function* bytesOf(source: ByteSource, signal?: AbortSignal, from = 0): AsyncGenerator<Uint8Array> {
  const decompress = DECOMPRESSORS[compressedEnding(source.name) ?? ""];
  if (!decompress) return yield* piecesOf(source, signal, from);
  const limit = new ExpansionLimit(FREE_BYTES, MOST_EXPANSION);
  try {
    for await (const piece of decompress(counted(piecesOf(source, signal), (bytes) => limit.receive(bytes)))) {
      limit.send(piece.length);
      yield piece;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError(
      `Cannot decompress ${source.name}: ${messageOf(cause)}; it may be cut off, or compressed in another way`,
      { cause },
    );
  }
}

/** The same bytes; an error that ends them says which row was being read. */
export async function* tellingRow(bytes: AsyncIterable<Uint8Array>, row: () => number): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (cause) {
    if (!(cause instanceof DatasetError)) throw cause;
    throw new DatasetError(`Cannot read from row ${row()} on: ${cause.message}`, { cause });
  }
}

async function* counted(pieces: Pieces, count: (bytes: number) => void): Pieces {
  for await (const piece of pieces) {
    count(piece.length);
    yield piece;
  }
}

/**
 * Decompresses gzip. Node's way takes files of several parts, and a fifth of the time that streams of the web take
 * (measured: 470 MB/s of lines of text in Deno where those come to 54).
 */
async function* unpackGzip(packed: Pieces): Pieces {
  if (hasNodeModules()) {
    const { Readable, pipeline } = nodeModule("node:stream");
    const { createGunzip } = nodeModule("node:zlib");
    // Errors come out where the bytes do.
    yield* pipeline(Readable.from(packed), createGunzip({ chunkSize: PIECE }), () => {});
    return;
  }
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      const { value, done } = await packed.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: async () => void await packed.return(undefined),
  });
  const unpacked = stream.pipeThrough(new DecompressionStream("gzip"));
  for await (const piece of streamChunks(unpacked)) yield piece.slice();
}

async function* piecesOf(source: ByteSource, signal?: AbortSignal, from = 0): Pieces {
  const reader = await source.open(from, signal);
  try {
    while (true) {
      signal?.throwIfAborted();
      const piece = new Uint8Array(PIECE);
      const count = await reader.read(piece);
      if (source.identity !== undefined) await checkUnchanged(source);
      if (count > 0) yield piece.subarray(0, count);
      if (count < PIECE) return;
    }
  } finally {
    await reader.close();
  }
}

/** Opens a file that has an identity once more, which fails where it is another by now. */
async function checkUnchanged(source: ByteSource): Promise<void> {
  await (await source.open(0)).close();
}
