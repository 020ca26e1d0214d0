/**
 * Copies of downloaded files in a browser's Cache API.
 *
 * The API keeps whole responses and can't append to one. A file is therefore kept in parts, so that a download that
 * broke off goes on with the first part that is not there, in another page load too. Each part carries its hash. The
 * hash that a hub gives is compared only for files of one part, because browsers can't hash piece by piece, and hide
 * the hash of what comes from another server, as large files do.
 *
 * @module
 */

import { type ByteSource, type ErrorClass, readerOf } from "../files/byte_source.ts";
import { hashNamesOf, hashOf } from "../hub/checksum.ts";
import { type CachedFile, type CacheWriter, fieldOf, type FileCache, type IncomingFile } from "./file_cache.ts";

/** Bytes of a part: what a download holds in memory. */
const PART_BYTES = 1 << 24;

/** The header that holds the SHA-256 of a part. */
const HASH_HEADER = "x-andromeda-sha256";

/** The entry of a file. */
interface Entry {
  readonly missing: boolean;
  readonly isProven: boolean;
  readonly tag: string | undefined;
  readonly validator: string | undefined;
  readonly size: number | undefined;
  /** Begins the names of its parts. */
  readonly id: string;
}

/** A cache in the browser's Cache API. */
export class StorageCache implements FileCache {
  readonly #cache: Cache;
  readonly #errorClass: ErrorClass;

  /**
   * A cache in a browser.
   *
   * @param cache The result of `caches.open`; used for nothing else.
   * @param errorClass The class of the errors thrown.
   */
  constructor(cache: Cache, errorClass: ErrorClass) {
    this.#cache = cache;
    this.#errorClass = errorClass;
  }

  async find(url: string): Promise<CachedFile> {
    const complete = await this.#readEntry(url, "complete");
    const partial = await this.#readEntry(url, "partial");
    const isWhole = complete?.size !== undefined &&
      await this.#countParts(url, complete) * PART_BYTES >= complete.size &&
      // A file of one part is read now, so that a broken copy is fetched again at once.
      (complete.size > PART_BYTES || (await this.#readPart(url, complete, 0))?.byteLength === complete.size);
    const begun = partial?.validator === undefined || partial.size === undefined ? undefined : {
      validator: partial.validator,
      size: partial.size,
      // At least one part is left out, because there must be something left to ask for.
      parts: Math.min(await this.#countParts(url, partial), Math.max(0, Math.ceil(partial.size / PART_BYTES) - 1)),
    };
    return {
      complete: isWhole
        ? { tag: complete.tag, isProven: complete.isProven, source: this.#source(url, complete, complete.size ?? 0) }
        : undefined,
      partial: begun && { ...begun, length: begun.parts * PART_BYTES },
      missing: complete?.missing ?? false,
    };
  }

  async write(url: string, file: IncomingFile): Promise<CacheWriter> {
    const earlier = await this.#readEntry(url, "partial");
    const before = await this.#readEntry(url, "complete");
    const { tag, checksum, validator, size, from } = file;
    const resumes = from > 0 && earlier !== undefined;
    const id = resumes ? earlier.id : crypto.randomUUID();
    if (!resumes && earlier !== undefined) await this.#removeParts(url, earlier.id);
    const entry: Entry = { missing: false, isProven: false, tag, validator, size, id };
    await this.#writeEntry(url, "partial", entry);
    let position = from;
    const part = new Uint8Array(Math.min(PART_BYTES, size ?? PART_BYTES));
    let filled = 0;
    const writePart = async () => {
      const index = (position - filled) / PART_BYTES;
      const bytes = part.subarray(0, filled);
      const headers = { [HASH_HEADER]: await hashOf(bytes) };
      await this.#cache.put(partUrl(url, id, index), new Response(bytes, { headers }));
      filled = 0;
    };
    const remove = async () => {
      await this.#removeParts(url, id);
      await this.#cache.delete(entryUrl(url, "partial"));
    };
    return {
      write: async (bytes) => {
        for (let start = 0; start < bytes.byteLength;) {
          const piece = bytes.subarray(start, start + part.byteLength - filled);
          part.set(piece, filled);
          filled += piece.byteLength;
          position += piece.byteLength;
          start += piece.byteLength;
          if (filled === part.byteLength) await writePart();
        }
      },
      commit: async () => {
        // An empty file has a part as well, so that it is told from one whose parts are gone.
        if (filled > 0 || position === 0) await writePart();
        const isProven = checksum !== undefined && position <= PART_BYTES;
        if (isProven) {
          const bytes = await this.#readPart(url, entry, 0) ?? new Uint8Array(0);
          const hashes = await Promise.all(hashNamesOf(checksum).map((name) => hashOf(bytes, name)));
          if (!hashes.includes(checksum)) {
            await remove();
            return "corrupt";
          }
        }
        await this.#writeEntry(url, "complete", { ...entry, isProven, size: position });
        await this.#cache.delete(entryUrl(url, "partial"));
        if (before !== undefined && before.id !== id) await this.#removeParts(url, before.id);
        return "kept";
      },
      close: () => Promise.resolve(),
      remove,
    };
  }

  async markMissing(url: string): Promise<void> {
    const before = await this.#readEntry(url, "complete");
    if (before !== undefined) await this.#removeParts(url, before.id);
    const nothing = { isProven: false, tag: undefined, validator: undefined, size: undefined, id: "" };
    await this.#writeEntry(url, "complete", { ...nothing, missing: true });
  }

  #source(url: string, entry: Entry, size: number): ByteSource {
    const discard = async () => {
      await this.#cache.delete(entryUrl(url, "complete"));
      await this.#removeParts(url, entry.id);
    };
    const readPart = (index: number) => this.#readPart(url, entry, index);
    const changed = () =>
      new this.#errorClass(`Cannot read ${url}: its copy in the browser's cache is not whole any more; try again`);
    const readParts = async function* (from: number) {
      for (let position = from; position < size;) {
        const index = Math.floor(position / PART_BYTES);
        const bytes = await readPart(index);
        if (bytes === undefined || bytes.byteLength !== Math.min(PART_BYTES, size - index * PART_BYTES)) {
          await discard();
          throw changed();
        }
        yield bytes.subarray(position - index * PART_BYTES);
        position = index * PART_BYTES + bytes.byteLength;
      }
    };
    return {
      name: url,
      size,
      once: false,
      open: (from, signal) => {
        const reader = readerOf(readParts(from));
        return Promise.resolve({
          read: (target) => {
            signal?.throwIfAborted();
            return reader.read(target);
          },
          close: () => reader.close(),
        });
      },
      close: () => Promise.resolve(),
      discard,
    };
  }

  /** The bytes of a part, if they are there and are those that it was kept with. */
  async #readPart(url: string, { id }: Entry, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const answer = await this.#cache.match(partUrl(url, id, index));
    if (answer === undefined) return undefined;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return await hashOf(bytes) === answer.headers.get(HASH_HEADER) ? bytes : undefined;
  }

  /** Parts that follow each other from the beginning. */
  async #countParts(url: string, { id }: Entry): Promise<number> {
    for (let index = 0;; index++) {
      const answer = await this.#cache.match(partUrl(url, id, index));
      await answer?.body?.cancel();
      if (answer?.headers.has(HASH_HEADER) !== true) return index;
    }
  }

  async #removeParts(url: string, id: string): Promise<void> {
    for (let index = 0; await this.#cache.delete(partUrl(url, id, index)); index++);
  }

  async #readEntry(url: string, kind: "complete" | "partial"): Promise<Entry | undefined> {
    const answer = await this.#cache.match(entryUrl(url, kind));
    const json: unknown = await answer?.json().catch(() => undefined);
    const text = (key: string) => {
      const value = fieldOf(json, key);
      return typeof value === "string" ? value : undefined;
    };
    const size = fieldOf(json, "size");
    const id = text("id");
    if (id === undefined) return undefined;
    return {
      missing: fieldOf(json, "missing") === true,
      isProven: fieldOf(json, "isProven") === true,
      tag: text("tag"),
      validator: text("validator"),
      size: typeof size === "number" ? size : undefined,
      id,
    };
  }

  async #writeEntry(url: string, kind: "complete" | "partial", entry: Entry): Promise<void> {
    await this.#cache.put(entryUrl(url, kind), new Response(JSON.stringify(entry)));
  }
}

function entryUrl(url: string, kind: "complete" | "partial"): string {
  return `${url}?andromeda=${kind}`;
}

function partUrl(url: string, id: string, index: number): string {
  return `${url}?andromeda=${id}-${index}`;
}
