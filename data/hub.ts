/**
 * Files of the Hugging Face Hub, and of servers that speak its paths: fetched once, kept, asked after, usable offline.
 *
 * `@huggingface/hub` was looked at for this (2.17.5, 56 KB gzip): it resumes and retries nothing, keeps no copies in
 * browsers, can't load a branch offline and prints to the console. One GET on `resolve` is all that is needed here.
 *
 * @module
 */

import { ConfigError, WeightsError } from "../backend.ts";
import { type ByteSource, type ErrorClass, messageOf, type Progress } from "./byte_source.ts";
import { type Download, type DownloadOptions, startDownload } from "./download.ts";
import type { CachedFile, CacheWriter, HubCache } from "./hub_cache.ts";
import { type HubRepo, isRepoName } from "./hub_repo.ts";
import { hostHasFiles, joinPath, makeFolder } from "./local_files.ts";
import { downloadSource } from "./url_source.ts";

/** Where the Hub is, unless `host` or the environment variable HF_ENDPOINT says otherwise. */
const DEFAULT_HOST = "https://huggingface.co";

/** The name of the cache in a browser. */
const STORAGE_NAME = "andromeda-hub";

/** Options of whatever fetches files from a hub or a URL. */
export interface HubOptions extends Omit<DownloadOptions, "headers"> {
  /** The hub's URL. Default: the environment variable HF_ENDPOINT, else https://huggingface.co. */
  readonly host?: string | undefined;
  /** An access token, for private and gated repositories. Default: the environment variable HF_TOKEN. */
  readonly token?: string | undefined;
  /**
   * Where copies are kept: a folder (Deno, Node), or a name in the Cache API (browsers); false keeps none. Default: the
   * folder "andromeda/hub" in XDG_CACHE_HOME or ~/.cache, or the Cache API, whichever the host has, or none.
   */
  readonly cache?: string | false | undefined;
  /** Uses copies only, and no network. */
  readonly offline?: boolean | undefined;
  /** Hears of every chunk that comes in. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Fetches a file of a repository, or takes the copy at hand if it is still right or nobody can be asked.
 *
 * @param file Its path in the repository, such as "config.json".
 * @returns The file to read, or nothing if the repository has none of this name.
 * @throws {ConfigError} If a name is not one that a hub can have.
 * @throws {Error} Of `errorClass`, by default `WeightsError`, if the file can neither be fetched nor found in the cache.
 */
export async function fetchHubFile(
  repo: HubRepo,
  file: string,
  options: HubOptions = {},
): Promise<ByteSource | undefined> {
  const { errorClass = WeightsError, signal } = options;
  const url = hubUrl(options.host ?? await environment("HF_ENDPOINT") ?? DEFAULT_HOST, repo, file);
  const name = `${repo.repo}/${file}`;
  const token = options.token ?? await environment("HF_TOKEN");
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const requestOptions = { ...options, headers };
  const cache = await openCache(options.cache, errorClass);
  for (let tries = 1;; tries++) {
    signal?.throwIfAborted();
    const cached: CachedFile = await cache?.find(url) ?? { missing: false };
    const copy = cached.complete && { ...cached.complete.source, name };
    const known = copy !== undefined || cached.missing;
    // What a commit holds never changes.
    if (known && (options.offline || /^[0-9a-f]{40}$/.test(repo.revision ?? ""))) return copy;
    if (options.offline) {
      throw new errorClass(`${name} is not in the cache, and offline nothing is fetched: fetch it once when online`);
    }
    const download = await begin(url, cached, requestOptions);
    if (download === "unreachable" || download === "unchanged") return copy;
    if (download === "missing") {
      await cache?.markMissing(url);
      return undefined;
    }
    if (cache === undefined) return downloadSource(name, url, download, requestOptions);
    if (await store(cache, url, name, download, options)) {
      const { complete } = await cache.find(url);
      if (complete !== undefined) return { ...complete.source, name };
    }
    if (tries === 3) throw new errorClass(`${name} keeps changing while it is fetched: try again later`);
  }
}

/** Asks for a file, making use of what the cache has. */
async function begin(
  url: string,
  cached: CachedFile,
  options: DownloadOptions,
): Promise<Download | "missing" | "unchanged" | "unreachable"> {
  const known = cached.complete !== undefined || cached.missing;
  const range = {
    etagAtHand: cached.complete?.etag,
    from: cached.partial?.length,
    validator: cached.partial?.validator,
  };
  try {
    // With an answer at hand one retry is enough: without a network it should not take long to find out.
    const retries = known ? Math.min(options.retries ?? 1, 1) : options.retries;
    return await startDownload(url, range, { ...options, retries });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (known) return "unreachable";
    throw error;
  }
}

/**
 * Writes a download to the cache.
 *
 * @returns Whether it is there now; false if it has to begin anew, because the file changed on its way.
 */
async function store(
  cache: HubCache,
  url: string,
  name: string,
  download: Download,
  { errorClass = WeightsError, onProgress }: HubOptions,
): Promise<boolean> {
  const keep = async <T>(step: Promise<T>) => {
    try {
      return await step;
    } catch (cause) {
      const advice = "make room, choose another folder with `cache`, or keep no copies with `cache: false`";
      throw new errorClass(`${name} can't be kept in the cache: ${messageOf(cause)}; ${advice}`, { cause });
    }
  };
  let writer: CacheWriter | undefined;
  try {
    writer = await keep(cache.write(url, download));
    if (writer === undefined) return false;
    let loaded = download.from;
    for await (const chunk of download.chunks()) {
      await keep(writer.write(chunk));
      loaded += chunk.byteLength;
      onProgress?.({ stage: "download", file: name, loaded, total: download.size });
    }
    return await keep(writer.commit());
  } catch (error) {
    if (download.changed) return false;
    throw error;
  } finally {
    await writer?.close();
    await download.cancel();
  }
}

/** The URL of a file: `{host}/{org}/{name}/resolve/{revision}/{file}`. */
function hubUrl(host: string, { repo, revision = "main" }: HubRepo, file: string): string {
  if (!isRepoName(repo)) {
    throw new ConfigError(`A repository is called "org/name": ${JSON.stringify(repo)} was given`);
  }
  if (file.split("/").some((part) => ["", ".", ".."].includes(part)) || /[\\?#]/.test(file)) {
    throw new ConfigError(`${JSON.stringify(file)} is not the path of a file in a repository`);
  }
  if (["", ".", ".."].includes(revision)) {
    throw new ConfigError(`A revision is a branch, tag or commit: ${JSON.stringify(revision)} was given`);
  }
  if (!/^https?:\/\//.test(host)) {
    throw new ConfigError(`The host of a hub is a URL such as ${DEFAULT_HOST}: ${JSON.stringify(host)} was given`);
  }
  return `${host.replace(/\/+$/, "")}/${repo}/resolve/${encodeURIComponent(revision)}/${encodeURI(file)}`;
}

/** The cache that was asked for, or the one that suits the host. */
async function openCache(
  choice: string | false | undefined,
  errorClass: ErrorClass,
): Promise<HubCache | undefined> {
  if (choice === false) return undefined;
  if (hostHasFiles()) {
    try {
      const folder = choice ?? await defaultFolder();
      await makeFolder(folder);
      const { FolderCache } = await import("./hub_cache.ts");
      return new FolderCache(folder, errorClass);
    } catch (cause) {
      // Only a cache that somebody asked for has to work: a host may forbid writing.
      if (choice === undefined) return undefined;
      throw new errorClass(`The cache ${choice} can't be made: ${messageOf(cause)}`, { cause });
    }
  }
  if (!("caches" in globalThis)) return undefined;
  try {
    const { StorageCache } = await import("./hub_cache_storage.ts");
    return new StorageCache(await caches.open(choice ?? STORAGE_NAME), errorClass);
  } catch (cause) {
    if (choice === undefined) return undefined;
    throw new errorClass(`The cache ${choice} can't be opened: ${messageOf(cause)}`, { cause });
  }
}

async function defaultFolder(): Promise<string> {
  const { homedir } = await import("node:os");
  return await joinPath(await environment("XDG_CACHE_HOME") ?? await joinPath(homedir(), ".cache"), "andromeda", "hub");
}

/** An environment variable, on hosts that have them and let us read it. */
async function environment(name: string): Promise<string | undefined> {
  if (!hostHasFiles()) return undefined;
  const { env } = await import("node:process");
  try {
    return env[name] || undefined;
  } catch {
    return undefined;
  }
}
