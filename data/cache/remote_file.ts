/**
 * Files of servers: fetched once, kept, checked for changes, usable offline.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import type { ByteSource } from "../files/byte_source.ts";
import { type Download, startDownload, type Unchanged } from "../http/download.ts";
import { downloadSource } from "../http/download_source.ts";
import { type DownloadOptions, NoAnswer } from "../http/http.ts";
import type { Refusal } from "../http/refusal.ts";
import type { HubOptions } from "../hub/hub_options.ts";
import type { CachedFile, CacheWriter, FileCache } from "./file_cache.ts";

/** Attempts to fetch a file that changes meanwhile, or does not fit its hash. */
const MOST_TRIES = 3;

/** A file on a server. */
export interface RemoteFile {
  /** Where it is. Copies go by this, so it holds no secrets where there is a cache. */
  readonly url: string;
  /** Its name in messages. */
  readonly name: string;
  /** The `Authorization` header for its server. */
  readonly authorization?: string | undefined;
  /** Whether the server's ETags are hashes of the bytes, as a hub's are. */
  readonly isOfHub: boolean;
  /** Whether what is there never changes, so that the server is not asked about a proven copy. */
  readonly isFinal: boolean;
  /** Looks for what another program keeps of it. */
  readonly findElsewhere?: ((signal: AbortSignal | undefined) => Promise<CachedFile | undefined>) | undefined;
}

/** How writing a copy ended. */
type StoreResult = "kept" | "gone" | "corrupt" | "not kept";

/**
 * Fetches a file, or takes the copy at hand if it is still current or the server can't be reached.
 *
 * @param cache Where copies are kept.
 * @returns The file to read; or nothing if it is known to be missing; or what the server answered in its place.
 * @throws {Error} If the file can neither be fetched nor found in the cache; its class is `options.errorClass`.
 */
export async function openRemoteFile(
  file: RemoteFile,
  cache: FileCache | undefined,
  options: HubOptions,
): Promise<ByteSource | Refusal | undefined> {
  const { errorClass = WeightsError, signal } = options;
  const { url, name } = file;
  const requestOptions = { ...options, authorization: file.authorization };
  let place = cache;
  let fault = "";
  for (let tries = 0; tries < MOST_TRIES;) {
    signal?.throwIfAborted();
    const cached = await lookUp(place, file, signal);
    const copy = cached.complete && { ...cached.complete.source, name };
    if (copy !== undefined && (options.offline || (file.isFinal && cached.complete?.isProven))) return copy;
    if (options.offline) {
      if (cached.missing) return undefined;
      throw new errorClass(
        `Cannot read ${name}: it is not in the cache, and offline nothing is fetched; fetch it once online`,
      );
    }
    const answer = await ask(url, cached, requestOptions);
    if (answer === undefined || answer.kind === "unchanged") return copy;
    if (answer.kind === "refusal") {
      if (answer.reason === "no file") await place?.markMissing(url).catch(() => {});
      const isMissing = ["no file", "no revision", "no repository"].includes(answer.reason);
      return isMissing ? answer : copy ?? answer;
    }
    if (place === undefined || !mayBeKept(answer, file)) return downloadSource(name, url, answer, requestOptions);
    const result = await store(place, file, answer, options).catch((error) => {
      if (copy !== undefined && error instanceof Error && error.cause instanceof NoAnswer) return copy;
      throw error;
    });
    if (typeof result !== "string") return result;
    const kept = result === "kept" ? (await lookUp(place, file, signal)).complete : undefined;
    if (kept !== undefined) return { ...kept.source, name };
    // A cache that can't be written to, or forgets, is no reason to fail: the file is read as it comes.
    if (result === "kept" || result === "not kept") place = undefined;
    else tries++;
    fault = result === "corrupt" ? "its bytes are not those that the hub's hash is of" : "it keeps changing";
  }
  throw new errorClass(`Cannot fetch ${name}: ${fault}, ${MOST_TRIES} times; try again later, or on another network`);
}

/** @throws {Error} Where a file of which no copy is kept may not be fetched. */
export function refuseOffline(name: string, { offline, errorClass = WeightsError }: HubOptions): void {
  if (!offline) return;
  throw new errorClass(`Cannot read ${name}: no copy of it is kept, and offline nothing is fetched; give a folder`);
}

/**
 * Whether an answer may be kept. A file that may have been cut off unnoticed is not: its reader will find out. Of a
 * server that is no hub, a file must have a tag to be asked for again, and must not be forbidden to be stored.
 */
function mayBeKept(answer: Download, { isOfHub }: RemoteFile): boolean {
  if (isOfHub) return answer.isEndSure || answer.checksum !== undefined;
  return answer.isEndSure && answer.tag !== undefined && !answer.forbidsCopies;
}

/** Looks for copies. A cache that can't be read has nothing. */
async function lookUp(
  cache: FileCache | undefined,
  file: RemoteFile,
  signal: AbortSignal | undefined,
): Promise<CachedFile> {
  const own = await cache?.find(file.url, signal).catch(() => signal?.throwIfAborted()) ?? { missing: false };
  if (own.complete !== undefined || own.missing) return own;
  return { ...own, ...await file.findElsewhere?.(signal) };
}

/**
 * Asks for a file, making use of what the cache has.
 *
 * @returns Nothing if the server can't be reached and the cache's knowledge must suffice.
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
  cache: FileCache,
  { url, name, isOfHub }: RemoteFile,
  download: Download,
  { onProgress, signal }: HubOptions,
): Promise<StoreResult> {
  let writer: CacheWriter | undefined;
  try {
    const { tag, validator, size, from } = download;
    const checksum = isOfHub ? download.checksum : undefined;
    writer = await keep(cache.write(url, { tag, checksum, validator, size, from }));
    if (writer === undefined) return "gone";
    let loaded = from;
    for await (const chunk of download.chunks()) {
      await keep(writer.write(chunk));
      loaded += chunk.byteLength;
      onProgress?.({ stage: "download", file: name, loaded, total: size, whole: { loaded, total: size } });
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
