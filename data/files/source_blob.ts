/**
 * Files as Blobs, for libraries that take nothing else.
 *
 * @module
 */

import type { ByteSource, ErrorClass } from "./byte_source.ts";

/** A part of a file, which is read when it is asked for. */
export class SourceBlob extends Blob {
  readonly #source: ByteSource;
  readonly #errorClass: ErrorClass;
  readonly #start: number;
  readonly #end: number;

  /**
   * A Blob of the bytes from `start` to before `end`.
   *
   * @param source Can be opened more than once.
   */
  constructor(source: ByteSource, errorClass: ErrorClass, start = 0, end = source.size ?? 0) {
    super();
    this.#source = source;
    this.#errorClass = errorClass;
    this.#start = start;
    this.#end = end;
  }

  override get size(): number {
    return this.#end - this.#start;
  }

  override slice(start = 0, end = this.size): SourceBlob {
    const place = (index: number) => Math.min(this.size, index < 0 ? Math.max(0, this.size + index) : index);
    const [from, to] = [place(start), place(end)];
    return new SourceBlob(this.#source, this.#errorClass, this.#start + from, this.#start + Math.max(from, to));
  }

  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.size);
    const reader = await this.#source.open(this.#start);
    try {
      const length = await reader.read(bytes);
      if (length === bytes.length) return bytes;
      throw new this.#errorClass(`Cannot read ${this.#source.name}: it ends ${bytes.length - length} bytes too early`);
    } finally {
      await reader.close();
    }
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        controller.enqueue(await this.bytes());
        controller.close();
      },
    });
  }
}
