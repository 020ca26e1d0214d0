/**
 * Files and folders of hosts that have a file system (Deno, Node).
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { nodeModule } from "../../host/node.ts";
import { type ByteSource, type ErrorClass, messageOf } from "./byte_source.ts";

/** The kind of thing that a path leads to. */
export async function kindOfPath(path: string): Promise<"file" | "folder" | "nothing"> {
  const { stat } = nodeModule("node:fs/promises");
  try {
    const found = await stat(path);
    return found.isDirectory() ? "folder" : found.isFile() ? "file" : "nothing";
  } catch (cause) {
    if (isAbsence(cause)) return "nothing";
    throw cause;
  }
}

/** The path that a `file:` URL stands for. */
export function pathOfUrl(url: URL): string {
  const { fileURLToPath } = nodeModule("node:url");
  return fileURLToPath(url);
}

/** Splits a path into its folder and its last part. */
export function splitPath(path: string): { folder: string; file: string } {
  const { basename, dirname } = nodeModule("node:path");
  return { folder: dirname(path), file: basename(path) };
}

/** Joins parts of a path. */
export function joinPath(...parts: readonly string[]): string {
  const { join } = nodeModule("node:path");
  return join(...parts);
}

/** Makes a folder and those around it, and gives the outermost that was not there before. */
export async function makeFolder(path: string): Promise<string | undefined> {
  const { mkdir } = nodeModule("node:fs/promises");
  return await mkdir(path, { recursive: true });
}

/**
 * A file.
 *
 * @param places Paths where it may be by now. The first that leads to a file counts, whenever it is opened.
 * @param identify What must be equal whenever it is opened, for it to be the same file.
 * @returns Nothing if there is no file at any of them.
 * @throws {Error} If it is there but can't be read, or another took its place meanwhile; its class is `errorClass`.
 */
export async function fileSource(
  path: string,
  errorClass: ErrorClass = WeightsError,
  places: () => Promise<readonly string[]> = () => Promise.resolve([path]),
  identify: (file: FileStats) => string = identityOf,
): Promise<ByteSource | undefined> {
  const unreadable = (cause: unknown): never => {
    throw new errorClass(`Cannot read ${path}: ${messageOf(cause)}`, { cause });
  };
  const found = await statFirst(await places().catch(unreadable)).catch(unreadable);
  if (found === undefined) return undefined;
  const size = Number(found.size);
  const identity = identify(found);
  return {
    name: path,
    size,
    once: false,
    identity,
    open: async (from) => {
      const handle = await openFirst(await places().catch(unreadable), identity, identify).catch(unreadable);
      if (handle === undefined) {
        throw new errorClass(
          `Cannot go on with ${path}: it was replaced or removed meanwhile; read it from the beginning`,
        );
      }
      let position = from;
      return {
        read: async (target) => {
          let filled = 0;
          while (filled < target.byteLength) {
            const left = target.byteLength - filled;
            const { bytesRead } = await handle.read(target, filled, left, position).catch(unreadable);
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

/** What the file system says of a file. */
interface FileStats {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** The identity of a file: it stays when the file is moved, and changes when the file is written to or replaced. */
function identityOf({ dev, ino, size, mtimeNs }: FileStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}

/** The first of the paths that leads to a file. */
async function statFirst(paths: readonly string[]): Promise<FileStats | undefined> {
  const { stat } = nodeModule("node:fs/promises");
  for (const path of paths) {
    const stats = await stat(path, { bigint: true }).catch(absent);
    if (stats?.isFile()) return stats;
  }
}

/** Opens the file of an identity, if one of the paths leads to it. */
async function openFirst(paths: readonly string[], identity: string, identify: (file: FileStats) => string) {
  const { open } = nodeModule("node:fs/promises");
  for (const path of paths) {
    const handle = await open(path).catch(absent);
    if (handle === undefined) continue;
    const stats = await handle.stat({ bigint: true });
    if (identify(stats) === identity) return handle;
    await handle.close();
  }
}

/** The names of what is in a folder; none if there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const { readdir } = nodeModule("node:fs/promises");
  return await readdir(folder).catch(absent) ?? [];
}

/** A file that is being written. */
export interface NewFile {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes the file when its bytes are on the disk. */
  finish(): Promise<void>;
  /** Closes it as it is. Does nothing after `finish`. */
  close(): Promise<void>;
}

/**
 * Begins a file in a folder that is there.
 *
 * @param path Where it is written; nothing may be there.
 * @param name Its name in messages.
 * @throws {Error} If the host refuses, also from the file's methods; its class is `errorClass`.
 */
export async function createFile(path: string, name: string, errorClass: ErrorClass = WeightsError): Promise<NewFile> {
  const { open } = nodeModule("node:fs/promises");
  const explain = (cause: unknown): never => {
    throw new errorClass(`Cannot write ${name}: ${messageOf(cause)}`, { cause });
  };
  const handle = await open(path, "wx").catch(explain);
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await handle.close().catch(explain);
  };
  return {
    write: async (bytes) => {
      for (let start = 0; start < bytes.byteLength;) {
        start += (await handle.write(bytes, start, bytes.byteLength - start).catch(explain)).bytesWritten;
      }
    },
    finish: async () => {
      await handle.sync().catch(explain);
      await close();
    },
    close,
  };
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
  const { rename, rm } = nodeModule("node:fs/promises");
  const { dirname } = nodeModule("node:path");
  const explain = (cause: unknown): never => {
    throw new WeightsError(`Cannot write ${path}: ${messageOf(cause)}`, { cause });
  };
  await makeFolder(dirname(path)).catch(explain);
  const beside = `${path}.${crypto.randomUUID()}.tmp`;
  const file = await createFile(beside, path);
  try {
    if (typeof content === "string") await file.write(new TextEncoder().encode(content));
    else if (content instanceof Uint8Array) await file.write(content);
    else for await (const bytes of content) await file.write(bytes);
    await file.finish();
    await rename(beside, path).catch(explain);
  } catch (error) {
    await file.close();
    await rm(beside, { force: true });
    throw error;
  }
}

/** Whether an error of the file system says that nothing is there. */
export function isAbsence(cause: unknown): boolean {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Turns an error that says that nothing is there into `undefined`, and throws all others. */
export function absent(cause: unknown): undefined {
  if (!isAbsence(cause)) throw cause;
}
