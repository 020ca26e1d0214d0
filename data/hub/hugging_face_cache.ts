/**
 * Models and datasets that Hugging Face's own programs have fetched: their cache is read and never written.
 *
 * A repository is a folder "models--org--name", or "datasets--org--name". `refs/<revision>` holds a commit,
 * `snapshots/<commit>/` the files of it, each a link to a file in `blobs/` that is named after its hash: the ETag with
 * which the hub is asked about it.
 * (https://huggingface.co/docs/huggingface_hub/guides/manage-cache)
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import { hasNodeModules, nodeModule } from "../../host/node.ts";
import { cacheFolder, environment, isGranted } from "../../host/permissions.ts";
import type { CachedFile } from "../cache/file_cache.ts";
import { hashFile } from "../files/file_hash.ts";
import { fileSource, joinPath, kindOfPath } from "../files/local_files.ts";
import { checksumOf, hashNamesOf } from "./checksum.ts";
import type { HubOptions } from "./hub_options.ts";
import type { RepoOfKind } from "./hub_repo.ts";

/** Files up to this size are hashed whenever they are used, which takes up to a second. */
const HASHED_BYTES = 2 ** 30;

/**
 * Looks for a file of a repository.
 *
 * @returns Nothing if the cache has none that can be used: it is not there, may not be read, or was changed.
 * @throws {ConfigError} If the choice of the folder is none.
 */
export async function findInHuggingFaceCache(
  { repo, revision = "main", kind = "model" }: RepoOfKind,
  file: string,
  { huggingFaceCache: choice, offline, errorClass = WeightsError }: HubOptions,
  signal: AbortSignal | undefined,
): Promise<CachedFile | undefined> {
  if (choice !== undefined && choice !== false && (typeof choice !== "string" || choice === "")) {
    throw new ConfigError(`Cannot read huggingFaceCache = ${show(choice)}: expected the name of a folder, or false`);
  }
  if (choice === false || !hasNodeModules()) return undefined;
  const folder = choice ?? defaultFolder();
  if (folder === undefined || !isGranted({ name: "read", path: folder })) return undefined;
  const { readFile, realpath } = nodeModule("node:fs/promises");
  const { basename } = nodeModule("node:path");
  try {
    const home = joinPath(folder, `${kind}s--${repo.replaceAll("/", "--")}`);
    const isCommit = /^[0-9a-f]{40}$/.test(revision);
    if (revision.split("/").includes("..")) return undefined;
    const commit = isCommit ? revision : (await readFile(joinPath(home, "refs", revision), "utf8")).trim();
    if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
    const snapshot = joinPath(home, "snapshots", commit);
    const path = joinPath(snapshot, file);
    const source = await fileSource(path, errorClass);
    // Offline a file that the commit lacks is told from one that was never fetched by nothing, and most are the former.
    if (source === undefined) return { missing: offline === true && await kindOfPath(snapshot) === "folder" };
    const checksum = checksumOf(basename(await realpath(path)));
    const names = hashNamesOf(checksum);
    if (checksum !== undefined && (source.size ?? 0) <= HASHED_BYTES) {
      const hashes = await hashFile(path, names, signal);
      if (!names.some((name) => hashes.get(name) === checksum)) return undefined;
    }
    // Where files are no links, nothing says whether they are current; a commit's are, and offline there are no others.
    if (checksum === undefined && !isCommit && !offline) return undefined;
    const tag = checksum === undefined ? undefined : `"${checksum}"`;
    return { complete: { tag, isProven: true, source }, missing: false };
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Where Hugging Face's programs look, as far as that may be found out. */
function defaultFolder(): string | undefined {
  const given = environment("HF_HUB_CACHE");
  if (given !== undefined) return given;
  const home = environment("HF_HOME");
  const caches = home ?? cacheFolder();
  return caches && joinPath(caches, ...(home === undefined ? ["huggingface"] : []), "hub");
}
