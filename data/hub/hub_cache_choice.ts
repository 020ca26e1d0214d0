/**
 * Chooses the cache that keeps copies of files.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { hasNodeModules, nodeModule } from "../../host/node.ts";
import { type ErrorClass, messageOf } from "../files/byte_source.ts";
import { joinPath, kindOfPath, makeFolder } from "../files/local_files.ts";
import { environment } from "./hub_address.ts";
import type { HubCache } from "./hub_cache.ts";

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
): Promise<HubCache | undefined> {
  if (choice === false) return undefined;
  if (choice !== undefined && (typeof choice !== "string" || choice === "")) {
    throw new ConfigError(`Cannot keep copies in cache = ${show(choice)}: expected the name of a folder, or false`);
  }
  if (hasNodeModules()) {
    try {
      const folder = choice ?? defaultFolder();
      await makeFolder(folder).catch(async (cause) => {
        // A folder that exists can be read even if this process may not write to it.
        if (await kindOfPath(folder) !== "folder") throw cause;
      });
      const { FolderCache } = await import("./hub_cache_folder.ts");
      return new FolderCache(folder, errorClass);
    } catch (cause) {
      // A file in the place of the folder is the caller's mistake; a host that forbids writing is not.
      const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
      if (choice === undefined || (code !== "ENOTDIR" && code !== "EEXIST")) return undefined;
      throw new errorClass(`Cannot make the cache ${choice}: ${messageOf(cause)}`, { cause });
    }
  }
  if (!("caches" in globalThis)) return undefined;
  try {
    const { StorageCache } = await import("./hub_cache_storage.ts");
    return new StorageCache(await caches.open(choice ?? STORAGE_NAME), errorClass);
  } catch {
    return undefined;
  }
}

function defaultFolder(): string {
  const { homedir } = nodeModule("node:os");
  return joinPath(environment("XDG_CACHE_HOME") ?? joinPath(homedir(), ".cache"), "andromeda", "hub");
}
