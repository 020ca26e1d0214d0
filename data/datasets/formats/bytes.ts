/**
 * The bytes of a file of a dataset, decompressed, in pieces.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { type ByteSource, messageOf, streamChunks } from "../../files/byte_source.ts";

/** Bytes that are read at once. */
const PIECE = 1 << 20;

/** What decompresses files, by the ends of their names. */
const DECOMPRESSORS: Readonly<Record<string, () => TransformStream<BufferSource, Uint8Array>>> = {
  ".gz": () => new DecompressionStream("gzip"),
};

/** The name of a file without the ending that says how it is compressed. */
export function plainName(name: string): string {
  return isCompressed(name) ? name.slice(0, name.lastIndexOf(".")) : name;
}

/** Whether a file is compressed, by its name. */
export function isCompressed(name: string): boolean {
  return Object.keys(DECOMPRESSORS).some((ending) => name.toLowerCase().endsWith(ending));
}

/**
 * The bytes of a file from its beginning to its end.
 *
 * @throws {DatasetError} Where they can't be read, or are not compressed as the name says.
 */
export async function* bytesOf(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const ending = Object.keys(DECOMPRESSORS).find((ending) => source.name.toLowerCase().endsWith(ending));
  const decompressor = ending === undefined ? undefined : DECOMPRESSORS[ending]?.();
  if (!decompressor) return yield* piecesOf(source, signal);
  try {
    for await (const piece of streamChunks(streamOf(source, signal).pipeThrough(decompressor), signal)) {
      yield new Uint8Array(piece);
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

async function* piecesOf(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = await source.open(0, signal);
  try {
    while (true) {
      signal?.throwIfAborted();
      const piece = new Uint8Array(PIECE);
      const count = await reader.read(piece);
      if (count > 0) yield piece.subarray(0, count);
      if (count < PIECE) return;
    }
  } finally {
    await reader.close();
  }
}

function streamOf(source: ByteSource, signal?: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = piecesOf(source, signal);
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void await pieces.return(undefined),
  });
}
