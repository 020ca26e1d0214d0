/**
 * Chooses the cache that keeps copies of files.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { hasNodeModules } from "../../host/node.ts";
import { cacheFolder, isGranted } from "../../host/permissions.ts";
import { type ErrorClass, messageOf } from "../files/byte_source.ts";
import { joinPath, kindOfPath, makeFolder } from "../files/local_files.ts";
import { isPage } from "../http/http.ts";
import type { FileCache } from "./file_cache.ts";

/** The name of the cache in a browser. */
const STORAGE_NAME = "andromeda-hub";

/**
 * The cache that was asked for, or the one that suits the host; none where it can't be written to.
 *
 * @param choice A folder, or a name in the Cache API; false for none.
 * @throws {ConfigError} If the choice is no name.
 * @throws {Error} If a file is where the folder should be; its class is `errorClass`.
 */
export async function openCache(
  choice: string | false | undefined,
  errorClass: ErrorClass,
): Promise<FileCache | undefined> {
  if (choice === false) return undefined;
  if (choice !== undefined && (typeof choice !== "string" || choice === "")) {
    throw new ConfigError(`Cannot keep copies in cache = ${show(choice)}: expected the name of a folder, or false`);
  }
  if (hasNodeModules()) return await openFolder(choice, errorClass);
  // Cloudflare's workers have a Cache API too, but one that may keep nothing.
  if (!isPage() || !("caches" in globalThis)) return undefined;
  try {
    const { StorageCache } = await import("./storage_cache.ts");
    return new StorageCache(await caches.open(choice ?? STORAGE_NAME), errorClass);
  } catch {
    return undefined;
  }
}

async function openFolder(choice: string | undefined, errorClass: ErrorClass): Promise<FileCache | undefined> {
  const folder = choice ?? defaultFolder();
  if (folder === undefined) return undefined;
  try {
    await makeFolder(folder).catch(async (cause) => {
      // A folder that exists can be read even if this process may not write to it.
      if (await kindOfPath(folder) !== "folder") throw cause;
    });
    const { FolderCache } = await import("./folder_cache.ts");
    return new FolderCache(folder, errorClass);
  } catch (cause) {
    // A file in the place of the folder is the caller's mistake; a host that forbids writing is not.
    const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    if (choice === undefined || (code !== "ENOTDIR" && code !== "EEXIST")) return undefined;
    throw new errorClass(`Cannot make the cache ${choice}: ${messageOf(cause)}`, { cause });
  }
}

/** The folder that is used unasked, where that is allowed. */
function defaultFolder(): string | undefined {
  const caches = cacheFolder();
  if (caches === undefined) return undefined;
  const folder = joinPath(caches, "andromeda", "hub");
  return isGranted({ name: "read", path: folder }) && isGranted({ name: "write", path: folder }) ? folder : undefined;
}
