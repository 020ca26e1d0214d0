/**
 * Files of the Hugging Face Hub, and of servers that speak its paths: fetched once, kept, checked for changes, usable
 * offline.
 *
 * `@huggingface/hub` was looked at for this (2.17.5, 56 KB gzip): it resumes and retries nothing, keeps no copies in
 * browsers, can't load a branch offline and prints to the console. One GET on `resolve` is all that is needed here.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import type { ByteSource, Progress } from "../files/byte_source.ts";
import { type Download, startDownload, type Unchanged } from "../http/download.ts";
import { type DownloadOptions, NoAnswer } from "../http/http.ts";
import { type Refusal, refusalError } from "../http/refusal.ts";
import { downloadSource } from "../http/url_source.ts";
import { type HubAddress, hubAddress, hubFileUrl } from "./hub_address.ts";
import type { CachedFile, CacheWriter, HubCache } from "./hub_cache.ts";
import { openCache } from "./hub_cache_choice.ts";
import type { HubRepo } from "./hub_repo.ts";

/** Attempts to fetch a file that changes meanwhile, or does not fit its hash. */
const MOST_TRIES = 3;

/**
 * Options of whatever fetches files from a hub or a URL.
 *
 * @category Data
 */
export interface HubOptions extends Omit<DownloadOptions, "authorization"> {
  /** The hub's URL. Default: the environment variable HF_ENDPOINT, else https://huggingface.co. */
  readonly host?: string | undefined;
  /**
   * An access token, for private and gated repositories. It is sent to `host`, and to no server that redirects lead to.
   * Default: the environment variable HF_TOKEN, if `host` is https://huggingface.co or HF_ENDPOINT, over https or
   * within this machine.
   */
  readonly token?: string | undefined;
  /**
   * Where copies are kept: a folder (Deno, Node), or a name in the Cache API (browsers); false keeps none. Default: the
   * folder "andromeda/hub" in XDG_CACHE_HOME or ~/.cache, or the Cache API, whichever the host has, or none. Where it
   * is full or must not be written to, files are used without being kept.
   */
  readonly cache?: string | false | undefined;
  /** Uses copies only, and no network. */
  readonly offline?: boolean | undefined;
  /** Is called for every chunk that arrives. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Things that a hub may lack. */
type Missing = "no repository" | "no revision" | "no file";

/**
 * Fetches a file of a repository, or takes the copy at hand if it is still current or the hub can't be reached.
 *
 * @param file Its path in the repository, such as "config.json".
 * @returns The file to read, or nothing if the hub has none, because the file, the revision or the repository is
 * missing.
 * @throws {ConfigError} If a name is not one that a hub can have.
 * @throws {Error} If the file can neither be fetched nor found in the cache; its class is `options.errorClass`.
 */
export async function fetchHubFile(
  repo: HubRepo,
  file: string,
  options: HubOptions = {},
): Promise<ByteSource | undefined> {
  const found = await findHubFile(repo, file, hubAddress(options.host, options.token), options);
  return typeof found === "string" ? undefined : found;
}

/**
 * Fetches a file of a repository that has to be there.
 *
 * @returns The file to read, or nothing if the repository has none of this name.
 * @throws {Error} As `fetchHubFile` does; and if there is no such repository or revision.
 */
export async function openHubFile(
  repo: HubRepo,
  file: string,
  options: HubOptions = {},
): Promise<ByteSource | undefined> {
  const hub = hubAddress(options.host, options.token);
  const found = await findHubFile(repo, file, hub, options);
  if (typeof found !== "string") return found;
  const fetching = `Cannot fetch ${file} of ${JSON.stringify(repo.repo)}`;
  const fault = {
    "no file": undefined,
    "no revision": `it has no revision ${JSON.stringify(repo.revision ?? "main")}; name a branch, a tag or a commit`,
    "no repository":
      `${hub.url} has no such repository, or it is private; check its name, or give a \`token\` that may ` +
      `read it${withheldHint(hub)}`,
  }[found];
  if (fault !== undefined) throw new (options.errorClass ?? WeightsError)(`${fetching}: ${fault}`);
  return undefined;
}

async function findHubFile(
  repo: HubRepo,
  file: string,
  hub: HubAddress,
  options: HubOptions,
): Promise<ByteSource | Missing> {
  const { errorClass = WeightsError, signal } = options;
  const url = hubFileUrl(hub.url, repo, file);
  const name = `${repo.repo}/${file}`;
  const requestOptions = { ...options, authorization: hub.authorization };
  let cache = await openCache(options.cache, errorClass);
  let fault = "";
  for (let tries = 0; tries < MOST_TRIES;) {
    signal?.throwIfAborted();
    const cached = await lookUp(cache, url, signal);
    const copy = cached.complete && { ...cached.complete.source, name };
    // A commit never changes, so its proven copy is final. In all other cases the hub is asked.
    const isFinal = /^[0-9a-f]{40}$/.test(repo.revision ?? "") && cached.complete?.isProven === true;
    if (copy !== undefined && (options.offline || isFinal)) return copy;
    if (options.offline) {
      if (cached.missing) return "no file";
      throw new errorClass(
        `Cannot read ${name}: it is not in the cache, and offline nothing is fetched; fetch it once online`,
      );
    }
    const answer = await ask(url, cached, requestOptions);
    if (answer === undefined || answer.kind === "unchanged") return copy ?? "no file";
    if (answer.kind === "refusal") {
      const { reason } = answer;
      if (reason === "no file") await cache?.markMissing(url).catch(() => {});
      if (reason === "no file" || reason === "no revision" || reason === "no repository") return reason;
      if (copy !== undefined) return copy;
      throw refusalError(url, answer, errorClass, reason === "not allowed" ? withheldHint(hub) : "");
    }
    // A file that may have been cut off unnoticed is not kept; its reader will find out.
    if (cache === undefined || !answer.isEndSure) return downloadSource(name, url, answer, requestOptions);
    const result = await store(cache, url, name, answer, options).catch((error) => {
      if (copy !== undefined && error instanceof Error && error.cause instanceof NoAnswer) return copy;
      throw error;
    });
    if (typeof result !== "string") return result;
    if (result === "kept") {
      const { complete } = await lookUp(cache, url, signal);
      if (complete !== undefined) return { ...complete.source, name };
    }
    // A cache that can't be written to is no reason to fail: the file is read as it comes.
    if (result === "not kept") cache = undefined;
    else tries++;
    fault = result === "corrupt" ? "its bytes are not those that the hub's hash is of" : "it keeps changing";
  }
  throw new errorClass(`Cannot fetch ${name}: ${fault}, ${MOST_TRIES} times; try again later, or on another network`);
}

/** Looks into a cache. One that can't be read has nothing. */
async function lookUp(cache: HubCache | undefined, url: string, signal: AbortSignal | undefined): Promise<CachedFile> {
  try {
    return await cache?.find(url, signal) ?? { missing: false };
  } catch {
    signal?.throwIfAborted();
    return { missing: false };
  }
}

/**
 * Asks for a file, making use of what the cache has.
 *
 * @returns Nothing if the hub can't be reached and the cache's knowledge must suffice.
 */
async function ask(
  url: string,
  { complete, partial, missing }: CachedFile,
  options: DownloadOptions,
): Promise<Download | Refusal | Unchanged | undefined> {
  const range = { tagAtHand: complete?.tag, from: partial?.length, validator: partial?.validator };
  const isKnown = complete !== undefined || missing;
  try {
    // With an answer at hand one retry is enough: without a network it should not take long to find out.
    const retries = isKnown ? Math.min(options.retries ?? 1, 1) : options.retries;
    return await startDownload(url, range, { ...options, retries });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isKnown && error instanceof Error && error.cause instanceof NoAnswer) return undefined;
    throw error;
  }
}

/**
 * Writes a download to the cache.
 *
 * @returns The outcome: "gone" if it has to begin anew because the file changed on its way, "not kept" if the cache
 * can't be written to.
 */
async function store(
  cache: HubCache,
  url: string,
  name: string,
  download: Download,
  { onProgress, signal }: HubOptions,
): Promise<"kept" | "gone" | "corrupt" | "not kept"> {
  let writer: CacheWriter | undefined;
  try {
    writer = await keep(cache.write(url, download));
    if (writer === undefined) return "gone";
    let loaded = download.from;
    for await (const chunk of download.chunks()) {
      await keep(writer.write(chunk));
      loaded += chunk.byteLength;
      onProgress?.({ stage: "download", file: name, loaded, total: download.size });
    }
    return await keep(writer.commit(signal));
  } catch (error) {
    signal?.throwIfAborted();
    if (download.changed) return "gone";
    if (!(error instanceof CacheFault)) throw error;
    // Frees the space on a full disk.
    await writer?.remove().catch(() => {});
    return "not kept";
  } finally {
    await writer?.close().catch(() => {});
    await download.cancel();
  }
}

/** A failure of the cache, as opposed to one of the network. */
class CacheFault extends Error {}

async function keep<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw new CacheFault("Cannot write to the cache", { cause });
  }
}

/** Says why HF_TOKEN did not help, where it is set. */
function withheldHint({ isTokenWithheld }: HubAddress): string {
  if (!isTokenWithheld) return "";
  return " (HF_TOKEN is sent to https://huggingface.co and HF_ENDPOINT alone, encrypted or within this machine)";
}
