/**
 * Copies of downloaded files: what a cache offers, and the one that is a folder.
 *
 * Every file has a folder of its own, named after its URL, with `state.json` and the data. The data's name comes from
 * its ETag, and it is written at explicit positions: two processes that download the same file write the same bytes to
 * the same places, so they need no lock. What counts is `state.json`, which is replaced at once.
 *
 * @module
 */

import { WeightsError } from "../backend.ts";
import { type ByteSource, type ErrorClass, messageOf } from "./byte_source.ts";
import { fileSource, isAbsence, joinPath, replaceFile } from "./local_files.ts";

/** What a cache knows of a file. */
export interface CachedFile {
  /** The complete copy and the ETag it came with. */
  readonly complete?: { readonly etag: string | undefined; readonly source: ByteSource } | undefined;
  /** A download that broke off: what its bytes belong to, and how many it can go on after, fewer than `size`. */
  readonly partial?: { readonly validator: string; readonly size: number; readonly length: number } | undefined;
  /** Whether the server said that there is no such file. */
  readonly missing: boolean;
}

/** What identifies the content that is written to a cache. */
export interface IncomingFile {
  /** The ETag to ask with later. */
  readonly etag: string | undefined;
  /** What a resumed download says the earlier bytes belong to; absent: it can't be resumed. */
  readonly validator: string | undefined;
  /** The size, where it is known. */
  readonly size: number | undefined;
  /** The first byte that will be written: 0, or the length of the partial copy. */
  readonly from: number;
}

/** A copy that is being written. */
export interface CacheWriter {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the copy the complete one. False if it has gone meanwhile, because another process fetched another version. */
  commit(): Promise<boolean>;
  /** Ends writing before the end; what is there may be resumed. Does nothing after `commit`. */
  close(): Promise<void>;
}

/** A place for copies of files, by URL. */
export interface HubCache {
  /** What is there. */
  find(url: string): Promise<CachedFile>;
  /** Begins or continues a copy. Gives nothing if the partial copy that was to be continued has gone since `find`. */
  write(url: string, file: IncomingFile): Promise<CacheWriter | undefined>;
  /** Notes that the server has no such file. */
  markMissing(url: string): Promise<void>;
}

/** What `state.json` says. */
interface State {
  readonly complete?: { readonly etag?: string | undefined; readonly size: number; readonly data: string } | undefined;
  readonly partial?: { readonly validator: string; readonly size: number; readonly data: string } | undefined;
  readonly missing?: boolean | undefined;
}

/** A cache in a folder of the host. */
export class FolderCache implements HubCache {
  readonly #folder: string;
  readonly #errorClass: ErrorClass;

  /**
   * A cache in a folder.
   *
   * @param folder Where the files are kept; made when the first one is written.
   * @param errorClass The class of the errors thrown.
   */
  constructor(folder: string, errorClass: ErrorClass = WeightsError) {
    this.#folder = folder;
    this.#errorClass = errorClass;
  }

  async find(url: string): Promise<CachedFile> {
    const folder = await this.#folderOf(url);
    const { complete, partial, missing = false } = await this.#readState(folder);
    const whole = complete && await fileSource(await joinPath(folder, complete.data), this.#errorClass);
    const part = partial && await fileSource(await joinPath(folder, partial.data), this.#errorClass);
    return {
      // A file of another length was cut off by a full disk or a crash.
      complete: complete && whole?.size === complete.size
        ? { etag: complete.etag, source: { ...whole, discard: () => this.#writeState(folder, {}) } }
        : undefined,
      partial: partial && part && { ...partial, length: Math.max(0, Math.min(part.size ?? 0, partial.size - 1)) },
      missing,
    };
  }

  async write(url: string, file: IncomingFile): Promise<CacheWriter | undefined> {
    const { constants, mkdir, open, readdir, rename, rm } = await import("node:fs/promises");
    const folder = await this.#folderOf(url);
    const { etag, validator, size, from } = file;
    const resumable = validator !== undefined && size !== undefined;
    const name = resumable ? await digestOf(`${validator} ${size}`) : crypto.randomUUID();
    const partialName = `${name}.partial`;
    const partialPath = await joinPath(folder, partialName);
    const { complete } = await this.#readState(folder);
    await mkdir(folder, { recursive: true });
    await this.#writeState(folder, {
      complete,
      partial: resumable ? { validator, size, data: partialName } : undefined,
    });
    // Never truncated: another process may be writing the same bytes further on.
    const handle = await open(partialPath, from > 0 ? constants.O_RDWR : constants.O_RDWR | constants.O_CREAT)
      .catch((cause) => from > 0 && isAbsence(cause) ? undefined : Promise.reject(cause));
    if (handle === undefined) return undefined;
    let position = from;
    let isOpen = true;
    const close = async () => {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
    };
    return {
      write: async (bytes) => {
        for (let start = 0; start < bytes.byteLength;) {
          const { bytesWritten } = await handle.write(bytes, start, bytes.byteLength - start, position);
          start += bytesWritten;
          position += bytesWritten;
        }
      },
      commit: async () => {
        await handle.sync();
        await close();
        const path = await joinPath(folder, name);
        try {
          await rename(partialPath, path);
        } catch (cause) {
          if (!isAbsence(cause)) throw cause;
          // Another process that fetched the same file was faster; unless the server has a new one by now.
          if ((await fileSource(path))?.size !== position) return false;
        }
        await this.#writeState(folder, { complete: { etag, size: position, data: name } });
        for (const old of await readdir(folder)) {
          const isOurs = old === name || old === "state.json" || old.endsWith(".tmp");
          if (!isOurs) await rm(await joinPath(folder, old), { force: true }).catch(() => {});
        }
        return true;
      },
      close: async () => {
        await close();
        if (!resumable) await rm(partialPath, { force: true });
      },
    };
  }

  async markMissing(url: string): Promise<void> {
    await this.#writeState(await this.#folderOf(url), { missing: true });
  }

  async #folderOf(url: string): Promise<string> {
    const { host, pathname } = new URL(url);
    const parts = [host, ...pathname.split("/")].filter((part) => part !== "");
    return await joinPath(this.#folder, ...parts.map((part) => part.replace(/[^\w.%-]/g, "_")));
  }

  async #readState(folder: string): Promise<State> {
    const { readFile } = await import("node:fs/promises");
    const path = await joinPath(folder, "state.json");
    try {
      return stateOf(JSON.parse(await readFile(path, "utf8")));
    } catch (cause) {
      // A state that can't be understood is no state: the file is downloaded again.
      if (isAbsence(cause) || cause instanceof SyntaxError) return {};
      throw new this.#errorClass(`The cache ${path} can't be read: ${messageOf(cause)}`, { cause });
    }
  }

  async #writeState(folder: string, state: State): Promise<void> {
    await replaceFile(await joinPath(folder, "state.json"), JSON.stringify(state));
  }
}

/** Picks what is understood from JSON. */
function stateOf(json: unknown): State {
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const part = (key: string) => {
    const value = fieldOf(json, key);
    const size = fieldOf(value, "size");
    const data = fieldOf(value, "data");
    if (typeof size !== "number" || typeof data !== "string") return undefined;
    return { size, data, etag: text(fieldOf(value, "etag")), validator: text(fieldOf(value, "validator")) };
  };
  const complete = part("complete");
  const partial = part("partial");
  return {
    complete,
    partial: partial?.validator === undefined ? undefined : { ...partial, validator: partial.validator },
    missing: fieldOf(json, "missing") === true,
  };
}

/** A field of a value that may have none. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
