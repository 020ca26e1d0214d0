/**
 * Inflates compressed data on demand, so that the large output of a few bytes is never in memory as a whole.
 *
 * @module
 */

import { damaged } from "../image_error.ts";

/** Deflate makes at most this many bytes out of one. */
export const MAX_INFLATION = 1032;

/** Bytes that are handed to the host at a time, because it may inflate all of them at once. */
const SLICE_BYTES = 8192;

/** Inflates the parts of a zlib stream as far as it is read. */
export class Inflater {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk = new Uint8Array(0);
  #at = 0;

  /** @param parts The stream, in parts. */
  constructor(parts: readonly Uint8Array[]) {
    const slices = slicesOf(parts);
    const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        const { value, done } = slices.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
    this.#reader = compressed.pipeThrough(new DecompressionStream("deflate")).getReader();
  }

  /** Fills a target with the next bytes, as far as they are there; gives their number. It is synchronous. */
  take(target: Uint8Array, from = 0): number {
    const part = this.#chunk.subarray(this.#at, this.#at + target.length - from);
    target.set(part, from);
    this.#at += part.length;
    return part.length;
  }

  /**
   * Waits for further bytes.
   *
   * @returns Whether there are any.
   * @throws {ImageError} If the data are damaged.
   */
  async more(): Promise<boolean> {
    try {
      const { value, done } = await this.#reader.read();
      if (value !== undefined) [this.#chunk, this.#at] = [new Uint8Array(value), 0];
      return !done;
    } catch {
      throw damaged("PNG", "its zlib stream is broken");
    }
  }

  /** Frees what the host still holds. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // a stream that has failed rejects once more
  }
}

function* slicesOf(parts: readonly Uint8Array[]): Generator<Uint8Array<ArrayBuffer>> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += SLICE_BYTES) yield part.slice(at, at + SLICE_BYTES);
  }
}
