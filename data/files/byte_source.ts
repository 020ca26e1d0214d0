/**
 * Bytes from anywhere, read in order: from memory, Blobs, streams and files.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";

/**
 * The class of the errors that reading throws: each caller names its own.
 *
 * @category Data
 */
export type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/**
 * How far long work on values is.
 *
 * @category Data
 */
export interface Progress {
  /** The kind of work: a file is downloaded, read into a model, written or uploaded, or a fresh model is made. */
  readonly stage: "download" | "read" | "write" | "upload" | "create";
  /** The name of the file, or of the fresh parameter. */
  readonly file: string;
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes in all, where that is known. */
  readonly total: number | undefined;
  /** The same over all files of this load or save that are at this stage. */
  readonly whole: { readonly loaded: number; readonly total: number | undefined };
}

/** Reads a source from one end to the other. */
export interface ByteReader {
  /** Fills `target`, or as much of it as there are bytes left, and gives the number of bytes read. */
  read(target: Uint8Array): Promise<number>;
  /** Frees what reading holds. */
  close(): Promise<void>;
}

/** Something that can be read. */
export interface ByteSource {
  /** Its name in messages. */
  readonly name: string;
  /** Its size in bytes, where that is known before the end. */
  readonly size: number | undefined;
  /** Whether it can be opened only once. */
  readonly once: boolean;
  /** Tells these bytes from others that may take their place. */
  readonly identity?: string | undefined;
  /** The bytes themselves, where they are in memory already. */
  readonly bytes?: Uint8Array | undefined;
  /** Starts to read at a byte. An aborted signal rejects this and the reader's calls with its reason. */
  open(from: number, signal?: AbortSignal): Promise<ByteReader>;
  /** Frees what the source holds. A source that was opened is freed by closing its reader. */
  close(): Promise<void>;
  /** Removes a copy of a cache whose bytes turned out to be broken. Other sources have no such method. */
  discard?(): Promise<void>;
}

/** Bytes in memory. */
export function bytesSource(bytes: Uint8Array, name = "the bytes"): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    once: false,
    bytes,
    open: (from) => {
      let position = from;
      return Promise.resolve({
        read: (target) => {
          const part = bytes.subarray(position, position + target.byteLength);
          target.set(part);
          position += part.byteLength;
          return Promise.resolve(part.byteLength);
        },
        close: () => Promise.resolve(),
      });
    },
    close: () => Promise.resolve(),
  };
}

/** A Blob, which may be larger than memory. */
export function blobSource(blob: Blob, name = blob instanceof File ? blob.name : "the Blob"): ByteSource {
  return {
    name,
    size: blob.size,
    once: false,
    open: (from) => {
      let position = from;
      return Promise.resolve({
        read: async (target) => {
          const part = new Uint8Array(await blob.slice(position, position + target.byteLength).arrayBuffer());
          target.set(part);
          position += part.byteLength;
          return part.byteLength;
        },
        close: () => Promise.resolve(),
      });
    },
    close: () => Promise.resolve(),
  };
}

/** A stream of bytes, which can be read once. */
export function streamSource(
  stream: ReadableStream<Uint8Array>,
  name = "the stream",
  size?: number,
  errorClass: ErrorClass = WeightsError,
): ByteSource {
  if (stream.locked) {
    throw new errorClass(`Cannot read ${name}: it is being read by someone else; pass a stream that nobody has locked`);
  }
  return {
    name,
    size,
    once: true,
    open: async (from, signal) => {
      const reader = readerOf(streamChunks(stream, signal, errorClass));
      await skip(reader, from, name, errorClass);
      return reader;
    },
    // A stream that is still being read is ended by its reader, and one that failed has nothing left to free.
    close: () => stream.locked ? Promise.resolve() : stream.cancel().catch(() => {}),
  };
}

/** Bytes of the buffer that a stream fills over and over. */
const BUFFER_BYTES = 1 << 18;

/**
 * Reads of a stream, each overwritten by the next where the stream fills buffers of its reader's: those that it would
 * make itself pile up faster than hosts collect them.
 */
function readsOf(stream: ReadableStream<unknown>) {
  try {
    const reader = stream.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    const read = async () => {
      const result = await reader.read(new Uint8Array(buffer));
      if (result.value) buffer = result.value.buffer;
      return result;
    };
    return { reader, read };
  } catch {
    // It only gives buffers of its own.
    const reader = stream.getReader();
    return { reader, read: () => reader.read() };
  }
}

/** The chunks of a stream, each overwritten when the next is asked for; ending early cancels it. */
export async function* streamChunks(
  stream: ReadableStream<unknown>,
  signal?: AbortSignal,
  errorClass: ErrorClass = WeightsError,
): AsyncGenerator<Uint8Array> {
  const { reader, read } = readsOf(stream);
  // A read that waits for ever ends when its stream is canceled; a stream that fails at that has ended too.
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    while (true) {
      signal?.throwIfAborted();
      const { done, value } = await read();
      signal?.throwIfAborted();
      if (done) return;
      if (!(value instanceof Uint8Array)) {
        throw new errorClass(
          `Cannot read a stream of ${typeof value} values: bytes come as Uint8Array; encode them first`,
        );
      }
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
    reader.releaseLock();
  }
}

/** Reads chunks of any length into targets of any length. */
export function readerOf(chunks: AsyncGenerator<Uint8Array>): ByteReader {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    read: async (target) => {
      let filled = 0;
      while (filled < target.byteLength) {
        if (rest.byteLength === 0) {
          const next = await chunks.next();
          if (next.done) break;
          rest = next.value;
          continue;
        }
        const part = rest.subarray(0, target.byteLength - filled);
        target.set(part, filled);
        filled += part.byteLength;
        rest = rest.subarray(part.byteLength);
      }
      return filled;
    },
    close: async () => {
      await chunks.return(undefined);
    },
  };
}

/** Reads past `count` bytes. */
export async function skip(reader: ByteReader, count: number, name: string, errorClass: ErrorClass): Promise<void> {
  const scratch = new Uint8Array(Math.min(count, 1 << 20));
  for (let left = count; left > 0;) {
    const found = await reader.read(scratch.subarray(0, Math.min(left, scratch.byteLength)));
    if (found === 0) {
      throw new errorClass(`Cannot read ${name}: it ends after ${count - left} bytes, before byte ${count}`);
    }
    left -= found;
  }
}

/** Bytes that `readAll` allocates before any arrive, because a source's size may be no more than a server's claim. */
const MOST_ROOM = 1 << 26;

/** Reads everything that a source holds. */
export async function readAll(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const reader = await source.open(0, signal);
  try {
    // One byte more than is expected, so that the first array is enough and meets the end.
    let all = new Uint8Array(Math.min(MOST_ROOM, (source.size ?? 1 << 16) + 1));
    let size = 0;
    while (true) {
      signal?.throwIfAborted();
      size += await reader.read(all.subarray(size));
      if (size < all.byteLength) return all.subarray(0, size);
      const larger = new Uint8Array(2 * size);
      larger.set(all);
      all = larger;
    }
  } finally {
    await reader.close();
  }
}

/** The message of an error. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
