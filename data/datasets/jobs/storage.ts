/**
 * Where workers leave what they made, so that others find it: a folder that all machines see, or S3-compatible storage.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { messageOf, readAll } from "../../files/byte_source.ts";
import { fileSource, joinPath, replaceFile } from "../../files/local_files.ts";
import { s3Storage } from "./s3_storage.ts";

/** Files of a build, by their names. */
export interface JobStorage {
  /** Where they are, for messages. */
  readonly name: string;
  /** Writes a file at once: nobody ever sees a part of it. */
  put(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Reads a file; nothing where it is not there. */
  get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes files, in their order, where they are there. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes all that is there of the build. */
  clear(): Promise<void>;
}

/**
 * The files of a build.
 *
 * @param place A folder, or s3://bucket/prefix.
 * @param build What tells the build from others.
 * @throws {ConfigError} If it can't be used.
 */
export function openStorage(place: string, build: string): JobStorage {
  return isS3(place) ? s3Storage(place, build) : folderStorage(place, build);
}

/** Whether a place is in storage, and not a folder. */
export function isS3(place: string): boolean {
  return place.startsWith("s3://");
}

function folderStorage(place: string, build: string): JobStorage {
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
