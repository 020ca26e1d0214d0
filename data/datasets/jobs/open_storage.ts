/**
 * Chooses the kind of storage that a place means.
 *
 * @module
 */

import { folderStorage } from "./folder_storage.ts";
import { s3Storage } from "./s3_storage.ts";
import type { JobStorage } from "./storage.ts";

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
