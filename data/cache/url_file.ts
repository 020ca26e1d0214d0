/**
 * A file behind a plain URL.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import type { ByteSource } from "../files/byte_source.ts";
import { openDownload } from "../http/download_source.ts";
import { openRanges } from "../http/range_source.ts";
import { refusalError } from "../http/refusal.ts";
import { showUrl } from "../http/show_url.ts";
import type { HubOptions } from "../hub/hub_options.ts";
import { openCache } from "./open_cache.ts";
import { openRemoteFile, refuseOffline } from "./remote_file.ts";

/**
 * Fetches a file from a URL, or takes the copy at hand if it is still current or the server can't be reached.
 *
 * @returns Nothing if the server has no such file.
 * @throws {Error} If the server can't be reached or refuses, and there is no copy; its class is `options.errorClass`.
 */
export async function openUrlFile(url: URL, options: HubOptions): Promise<ByteSource | undefined> {
  const { errorClass = WeightsError } = options;
  const isKept = mayHaveCopies(url, options);
  if (options.offline && !isKept && /^https?:$/.test(url.protocol)) {
    throw new errorClass(
      `Cannot fetch ${showUrl(url)}: offline nothing is fetched, and no copies are kept of URLs with a query or ` +
        `credentials, or that a \`fetch\` of yours answers; give a folder, or a name on the hub`,
    );
  }
  const bare = new URL(url);
  bare.hash = "";
  const file = { url: bare.href, name: showUrl(url), isOfHub: false, isFinal: false };
  const cache = isKept ? await openCache(options.cache, errorClass) : undefined;
  const found = await openRemoteFile(file, cache, { ...options, offline: isKept && options.offline });
  if (found === undefined || !("kind" in found)) return found;
  if (found.reason === "no file") return undefined;
  throw refusalError(bare.href, found, errorClass);
}

/**
 * Opens a file of which no copy is kept: it may be larger than the disk.
 *
 * @param how Whether it is read as one stream, or each read asks for its own bytes. Where the server sends no parts,
 * the file is fetched whole, and a copy kept.
 * @returns Nothing if the server has no such file.
 * @throws {Error} If the server can't be reached or refuses; its class is `options.errorClass`.
 */
export async function readUrlFile(
  url: URL,
  how: "stream" | "ranges",
  options: HubOptions,
): Promise<ByteSource | undefined> {
  const { errorClass = WeightsError } = options;
  if (!/^https?:$/.test(url.protocol)) return await openUrlFile(url, options);
  const [name, bare] = [showUrl(url), new URL(url)];
  bare.hash = "";
  refuseOffline(name, options);
  const found = await (how === "ranges" ? openRanges : openDownload)(name, bare.href, options);
  if (found === undefined) return await openUrlFile(url, options);
  if (!("kind" in found)) return found;
  if (found.reason === "no file") return undefined;
  throw refusalError(bare.href, found, errorClass);
}

/** Whether copies may be kept: not of what is secret, and not of what a `fetch` of the caller's makes up. */
function mayHaveCopies({ protocol, search, username, password }: URL, { fetch }: HubOptions): boolean {
  const isPlain = search === "" && username === "" && password === "";
  return /^https?:$/.test(protocol) && isPlain && fetch === undefined;
}
