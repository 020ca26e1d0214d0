/**
 * Files of a build in a folder that all machines see.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { messageOf, readAll } from "../../files/byte_source.ts";
import { fileSource, joinPath, replaceFile } from "../../files/local_files.ts";
import type { JobStorage } from "./storage.ts";

/**
 * The files of a build.
 *
 * @param place The folder.
 * @param build What tells the build from others.
 */
export function folderStorage(place: string, build: string): JobStorage {
  const { rm, rmdir } = nodeModule("node:fs/promises");
  const folder = joinPath(place, build);
  return {
    name: folder,
    put: (name, bytes) => replaceFile(joinPath(folder, name), bytes),
    get: async (name) => {
      const source = await fileSource(joinPath(folder, name), DatasetError);
      return source && await readAll(source);
    },
    remove: async (names) => {
      for (const name of names) await rm(joinPath(folder, name), { force: true });
    },
    clear: async () => {
      await rm(folder, { recursive: true, force: true }).catch((cause) => {
        throw new DatasetError(`Cannot remove ${folder}: ${messageOf(cause)}`, { cause });
      });
      // The place stays where something else is in it.
      await rmdir(place).catch(() => {});
    },
  };
}
