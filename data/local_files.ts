/**
 * Files of hosts that have them (Deno, Node): the one place that asks for `node:` modules.
 *
 * @module
 */

import { WeightsError } from "../backend.ts";
import { type ByteSource, type ErrorClass, messageOf } from "./byte_source.ts";

/** Whether this host has files. Asked before any import, because browsers report a refused import on the console. */
export function hostHasFiles(): boolean {
  const process: unknown = Reflect.get(globalThis, "process");
  if (typeof process !== "object" || process === null) return false;
  const versions: unknown = Reflect.get(process, "versions");
  return typeof versions === "object" && versions !== null && "node" in versions;
}

/** What a path leads to. */
export async function kindOfPath(path: string): Promise<"file" | "folder" | "nothing"> {
  const { stat } = await import("node:fs/promises");
  try {
    const found = await stat(path);
    return found.isDirectory() ? "folder" : found.isFile() ? "file" : "nothing";
  } catch (cause) {
    if (isAbsence(cause)) return "nothing";
    throw cause;
  }
}

/** The path that a `file:` URL stands for. */
export async function pathOfUrl(url: URL): Promise<string> {
  const { fileURLToPath } = await import("node:url");
  return fileURLToPath(url);
}

/** Splits a path into its folder and its last part. */
export async function splitPath(path: string): Promise<{ folder: string; file: string }> {
  const { basename, dirname } = await import("node:path");
  return { folder: dirname(path), file: basename(path) };
}

/** Joins parts of a path. */
export async function joinPath(...parts: readonly string[]): Promise<string> {
  const { join } = await import("node:path");
  return join(...parts);
}

/** Makes a folder and those around it. */
export async function makeFolder(path: string): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(path, { recursive: true });
}

/**
 * A file.
 *
 * @returns Nothing if there is no file at that path.
 * @throws {Error} Of the given class, if it is there but can't be read.
 */
export async function fileSource(
  path: string,
  errorClass: ErrorClass = WeightsError,
): Promise<ByteSource | undefined> {
  const { open, stat } = await import("node:fs/promises");
  const unreadable = (cause: unknown) => new errorClass(`${path} can't be read: ${messageOf(cause)}`, { cause });
  let size: number;
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    size = found.size;
  } catch (cause) {
    if (isAbsence(cause)) return undefined;
    throw unreadable(cause);
  }
  return {
    name: path,
    size,
    once: false,
    open: async (from) => {
      const handle = await open(path).catch((cause) => Promise.reject(unreadable(cause)));
      let position = from;
      return {
        read: async (target) => {
          let filled = 0;
          while (filled < target.byteLength) {
            const left = target.byteLength - filled;
            const { bytesRead } = await handle.read(target, filled, left, position).catch((cause) =>
              Promise.reject(unreadable(cause))
            );
            if (bytesRead === 0) break;
            filled += bytesRead;
            position += bytesRead;
          }
          return filled;
        },
        close: () => handle.close(),
      };
    },
    close: () => Promise.resolve(),
  };
}

/** A file that is written beside its target, and replaces it only when it is complete. */
export interface PendingFile {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Waits until the bytes are on the disk. */
  finish(): Promise<void>;
  /** Puts the finished file in its target's place. */
  commit(): Promise<void>;
  /** Closes and removes it. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Begins a file, and makes its folder if need be.
 *
 * @throws {Error} Of the given class, also from the file's methods, if the host refuses.
 */
export async function beginFile(path: string, errorClass: ErrorClass = WeightsError): Promise<PendingFile> {
  const { mkdir, open, rename, rm } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const explain = (cause: unknown) => {
    throw new errorClass(`${path} can't be written: ${messageOf(cause)}`, { cause });
  };
  await mkdir(dirname(path), { recursive: true }).catch(explain);
  const beside = `${path}.${crypto.randomUUID()}.tmp`;
  const handle = await open(beside, "wx").catch(explain);
  let state: "open" | "closed" | "committed" = "open";
  return {
    write: async (bytes) => {
      for (let start = 0; start < bytes.byteLength;) {
        start += (await handle.write(bytes, start, bytes.byteLength - start).catch(explain)).bytesWritten;
      }
    },
    finish: async () => {
      await handle.sync().catch(explain);
      state = "closed";
      await handle.close().catch(explain);
    },
    commit: async () => {
      await rename(beside, path).catch(explain);
      state = "committed";
    },
    discard: async () => {
      if (state === "committed") return;
      if (state === "open") await handle.close();
      state = "closed";
      await rm(beside, { force: true });
    },
  };
}

/** Removes a file, if it is there. */
export async function removeFile(path: string): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(path, { force: true });
}

/**
 * Replaces a file at once: it holds either what it held before or all of `content`, whatever happens in between.
 *
 * @param content Text (as UTF-8), bytes, or bytes in pieces.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await beginFile(path);
  try {
    if (typeof content === "string") await file.write(new TextEncoder().encode(content));
    else if (content instanceof Uint8Array) await file.write(content);
    else for await (const bytes of content) await file.write(bytes);
    await file.finish();
    await file.commit();
  } finally {
    await file.discard();
  }
}

/** Whether an error of the file system says that nothing is there. */
export function isAbsence(cause: unknown): boolean {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}
