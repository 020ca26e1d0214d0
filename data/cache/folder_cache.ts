/**
 * Copies of downloaded files in a folder of the host.
 *
 * Every file has a folder of its own, named after a hash of its URL, with `state.json` and the data. The data's name
 * comes from its ETag, and it is written at explicit positions: two processes that download the same file write the
 * same bytes to the same places, so they need no lock. Only `state.json` counts, and it is replaced at once.
 *
 * @module
 */

import { nodeModule } from "../../host/node.ts";
import type { ByteSource, ErrorClass } from "../files/byte_source.ts";
import { hashFile } from "../files/file_hash.ts";
import { fileSource, isAbsence, joinPath, kindOfPath, replaceFile } from "../files/local_files.ts";
import { hashNamesOf, hashOf } from "../hub/checksum.ts";
import {
  type CachedFile,
  type CacheWriter,
  type CommitResult,
  fieldOf,
  type FileCache,
  type IncomingFile,
} from "./file_cache.ts";

/** The subfolder of this layout. Copies in other layouts are ignored. */
const LAYOUT = "v2";

/**
 * Copies up to this size are hashed whenever they are used, which takes up to a second; larger ones when the file
 * system says that they changed.
 */
const ALWAYS_HASHED_BYTES = 2 ** 30;

/** Milliseconds after which a temporary state belongs to no running process: an hour. */
const STALE_TIME = 3_600_000;

/** A complete copy as `state.json` has it. */
interface CompleteState {
  readonly tag: string | undefined;
  readonly isProven: boolean;
  readonly size: number;
  readonly sha256: string;
  /** The time of the last change by the file system, as of the last hashing. */
  readonly changed: string | undefined;
  readonly data: string;
}

/** A copy that is being written as `state.json` has it. */
interface PartialState {
  readonly validator: string;
  readonly size: number;
  readonly data: string;
  /** The hash that the hub gives the whole file. Errors in the beginning are noticed at the end. */
  readonly checksum: string | undefined;
  /** The hash of the beginning when writing ended, for files without a hub's hash. */
  readonly sha256: string | undefined;
}

/** The contents of `state.json`. */
interface State {
  readonly complete?: CompleteState | undefined;
  readonly partial?: PartialState | undefined;
  readonly missing?: boolean | undefined;
}

/** A cache in a folder of the host. */
export class FolderCache implements FileCache {
  readonly #folder: string;
  readonly #errorClass: ErrorClass;
  readonly #alwaysHashed: number;

  /**
   * A cache in a folder.
   *
   * @param folder Where the files are kept; made when the first one is written.
   * @param errorClass The class of the errors that reading a copy throws.
   * @param alwaysHashed Size up to which a copy is hashed even if the file system says that it is unchanged.
   */
  constructor(folder: string, errorClass: ErrorClass, alwaysHashed = ALWAYS_HASHED_BYTES) {
    this.#folder = folder;
    this.#errorClass = errorClass;
    this.#alwaysHashed = alwaysHashed;
  }

  async find(url: string, signal?: AbortSignal): Promise<CachedFile> {
    const folder = await this.#folderOf(url);
    const state = await this.#readState(url);
    const { complete, partial, missing = false } = state;
    const source = complete && await this.#intact(url, state, complete, signal);
    const length = partial && await usableLength(joinPath(folder, partial.data), partial, signal);
    return {
      complete: complete && source ? { tag: complete.tag, isProven: complete.isProven, source } : undefined,
      partial: partial && length !== undefined ? { ...partial, length } : undefined,
      missing,
    };
  }

  async write(url: string, file: IncomingFile): Promise<CacheWriter | undefined> {
    const { constants, mkdir, open, rm } = nodeModule("node:fs/promises");
    const folder = await this.#folderOf(url);
    const { validator, size, from, checksum } = file;
    const resumable = validator !== undefined && size !== undefined;
    const name = resumable ? await shortHashOf(`${validator} ${size}`) : crypto.randomUUID();
    const data = `${name}.partial`;
    const path = joinPath(folder, data);
    const { complete } = await this.#readState(url);
    const partial = resumable ? { validator, size, data, checksum, sha256: undefined } : undefined;
    await mkdir(folder, { recursive: true });
    await this.#writeState(url, { complete, partial });
    // Never truncated: another process may be writing the same bytes further on.
    const handle = await open(path, from > 0 ? constants.O_RDWR : constants.O_RDWR | constants.O_CREAT)
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
      commit: async (signal) => {
        await handle.sync();
        await close();
        return await this.#commit(url, name, position, file, signal);
      },
      close: async () => {
        if (!isOpen) return;
        await close();
        if (partial === undefined) return await rm(path, { force: true });
        if (checksum !== undefined) return;
        const sha256 = (await hashFile(path, ["sha256"])).get("sha256");
        const state = await this.#readState(url);
        if (state.partial?.data === data) await this.#writeState(url, { ...state, partial: { ...partial, sha256 } });
      },
      remove: async () => {
        await close();
        await rm(path, { force: true });
      },
    };
  }

  async markMissing(url: string): Promise<void> {
    await this.#writeState(url, { missing: true });
  }

  /** Checks a copy that has been written to its end, and makes it the complete one. */
  async #commit(
    url: string,
    name: string,
    size: number,
    { tag, checksum }: IncomingFile,
    signal: AbortSignal | undefined,
  ): Promise<CommitResult> {
    const { rename, rm, stat } = nodeModule("node:fs/promises");
    const path = joinPath(await this.#folderOf(url), name);
    const partial = `${path}.partial`;
    // Another process may have been faster, or may have found a newer file on the server.
    const written = await kindOfPath(partial) === "file" ? partial : path;
    if ((await fileSource(written))?.size !== size) return "gone";
    const hashes = await hashFile(written, ["sha256", ...hashNamesOf(checksum)], signal);
    const sha256 = hashes.get("sha256");
    const isRight = checksum === undefined || hashNamesOf(checksum).some((each) => hashes.get(each) === checksum);
    if (sha256 === undefined || !isRight) {
      await rm(written, { force: true });
      return "corrupt";
    }
    try {
      await rename(partial, path).catch((cause) => isAbsence(cause) ? undefined : Promise.reject(cause));
      const changed = changeOf(await stat(path));
      const isProven = checksum !== undefined;
      await this.#writeState(url, { complete: { tag, isProven, size, sha256, changed, data: name } });
    } catch (cause) {
      // Data that no state names would never be found, and would take up space for ever.
      if ((await this.#readState(url)).complete?.data !== name) await rm(path, { force: true }).catch(() => {});
      throw cause;
    }
    await this.#sweep(url, name);
    return "kept";
  }

  /** Removes the data of other versions of a file, and the temporary states that killed processes left. */
  async #sweep(url: string, name: string): Promise<void> {
    const { readdir, rm, stat } = nodeModule("node:fs/promises");
    const folder = await this.#folderOf(url);
    for (const old of await readdir(folder).catch(() => [])) {
      if (old === name || old === "state.json") continue;
      const path = joinPath(folder, old);
      // Another process may be about to put this in the state's place.
      const written = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
      const isFresh = old.endsWith(".tmp") && Date.now() - written < STALE_TIME;
      if (!isFresh) await rm(path, { force: true }).catch(() => {});
    }
  }

  /** The complete copy, if its bytes are those that it was kept with. */
  async #intact(
    url: string,
    state: State,
    complete: CompleteState,
    signal: AbortSignal | undefined,
  ): Promise<ByteSource | undefined> {
    const { stat } = nodeModule("node:fs/promises");
    const path = joinPath(await this.#folderOf(url), complete.data);
    try {
      // Another process that downloads the same file may write the same bytes to it or put the same file in its place.
      const source = await fileSource(path, this.#errorClass, undefined, ({ size }) => `${path} ${size}`);
      if (source === undefined || source.size !== complete.size) return undefined;
      const copy = { ...source, discard: () => this.#writeState(url, {}).catch(() => {}) };
      const changed = changeOf(await stat(path));
      if (complete.size > this.#alwaysHashed && changed === complete.changed) return copy;
      const sha256 = (await hashFile(path, ["sha256"], signal)).get("sha256");
      if (sha256 !== complete.sha256) return undefined;
      if (changed !== complete.changed) {
        // If that can't be noted, the copy is hashed the next time too.
        await this.#writeState(url, { ...state, complete: { ...complete, changed } }).catch(() => {});
      }
      return copy;
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  /**
   * The folder of a file. Its name tells people what it is, and a hash keeps it apart from all others: file systems
   * leave few characters to names, some no case, and none long names.
   */
  async #folderOf(url: string): Promise<string> {
    const told = url.replace(/^https?:\/+/, "").toLowerCase().replace(/[^a-z0-9.]+/g, "-").slice(0, 80);
    return joinPath(this.#folder, LAYOUT, `${told}-${await shortHashOf(url)}`);
  }

  /** Reads `state.json`. One that can't be read or understood counts as missing, and the file is downloaded again. */
  async #readState(url: string): Promise<State> {
    const { readFile } = nodeModule("node:fs/promises");
    try {
      return stateOf(JSON.parse(await readFile(joinPath(await this.#folderOf(url), "state.json"), "utf8")), url);
    } catch {
      return {};
    }
  }

  async #writeState(url: string, state: State): Promise<void> {
    await replaceFile(joinPath(await this.#folderOf(url), "state.json"), JSON.stringify({ url, ...state }));
  }
}

/** Bytes that a broken download can go on after; nothing if they are not known to be right. */
async function usableLength(
  path: string,
  { size, checksum, sha256 }: PartialState,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const { stat } = nodeModule("node:fs/promises");
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    const length = Math.min(found.size, size - 1);
    if (checksum !== undefined) return length;
    return sha256 !== undefined && (await hashFile(path, ["sha256"], signal)).get("sha256") === sha256
      ? length
      : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Reads a state from JSON, if it belongs to a URL. */
function stateOf(json: unknown, url: string): State {
  if (fieldOf(json, "url") !== url) return {};
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const part = (key: string) => {
    const value = fieldOf(json, key);
    const size = fieldOf(value, "size");
    const data = fieldOf(value, "data");
    // A name as `write` makes them: nothing outside the folder.
    if (typeof size !== "number" || typeof data !== "string" || !/^[0-9a-f-]+(\.partial)?$/.test(data)) {
      return undefined;
    }
    return { value, size, data };
  };
  const complete = part("complete");
  const partial = part("partial");
  const sha256 = text(fieldOf(complete?.value, "sha256"));
  const validator = text(fieldOf(partial?.value, "validator"));
  return {
    complete: complete && sha256 !== undefined
      ? {
        tag: text(fieldOf(complete.value, "tag")),
        isProven: fieldOf(complete.value, "isProven") === true,
        size: complete.size,
        sha256,
        changed: text(fieldOf(complete.value, "changed")),
        data: complete.data,
      }
      : undefined,
    partial: partial && validator !== undefined
      ? {
        validator,
        size: partial.size,
        data: partial.data,
        checksum: text(fieldOf(partial.value, "checksum")),
        sha256: text(fieldOf(partial.value, "sha256")),
      }
      : undefined,
    missing: fieldOf(json, "missing") === true,
  };
}

/** When a file was changed last, as a text; Deno gives whole seconds of one of the two times. */
function changeOf({ mtimeMs, ctimeMs }: { readonly mtimeMs: number; readonly ctimeMs: number }): string {
  return `${Math.floor(mtimeMs)} ${Math.floor(ctimeMs / 1000)}`;
}

/** A hash that is short enough for a name, and long enough that no two texts have the same. */
async function shortHashOf(text: string): Promise<string> {
  return (await hashOf(new TextEncoder().encode(text))).slice(0, 40);
}
