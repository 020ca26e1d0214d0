/**
 * Copies finished datasets into S3-compatible storage.
 *
 * @module
 */

import type { Progress } from "../../files/byte_source.ts";
import { readAll } from "../../files/byte_source.ts";
import { builtFiles, filesAbout, shardPaths } from "../folder/push_dataset.ts";
import { MANIFEST, readManifest } from "../folder/manifest.ts";
import { s3Storage } from "./s3_storage.ts";

/**
 * Copies a folder that holds a whole dataset; it takes the place of one that is there. Who reads the manifest finds
 * the shards that it names: it is written when they are there, and only then shards of the old one are removed.
 *
 * @param place As s3://bucket/prefix.
 * @throws {ConfigError} If the place is none, or the environment lacks the keys.
 * @throws {DatasetError} If the folder lacks a file, or the storage refuses.
 */
export async function uploadFolder(
  folder: string,
  place: string,
  { signal, onProgress }: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((progress: Progress) => void) | undefined;
  },
): Promise<void> {
  const storage = s3Storage(place);
  const { manifest, shards } = await builtFiles(folder);
  const there = await storage.get(MANIFEST);
  const old = there && readManifest(new TextDecoder().decode(there), `${MANIFEST} in ${storage.name}`);
  const files = [...shards, ...filesAbout(manifest)];
  const total = files.reduce((sum, [, { size = 0 }]) => sum + size, 0);
  let loaded = 0;
  for (const [file, source] of files) {
    signal?.throwIfAborted();
    const bytes = await readAll(source, signal);
    await storage.put(file, bytes);
    loaded += bytes.length;
    const own = { loaded: bytes.length, total: bytes.length };
    onProgress?.({ stage: "upload", file, ...own, whole: { loaded, total } });
  }
  const kept = new Set(shardPaths(manifest));
  await storage.remove(shardPaths(old).filter((path) => !kept.has(path)));
}
