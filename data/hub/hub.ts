/**
 * Files of the Hugging Face Hub, and of servers that speak its paths.
 *
 * `@huggingface/hub` was looked at for this (2.17.5, 56 KB gzip): it resumes and retries nothing, keeps no copies in
 * browsers, can't load a branch offline and prints to the console. One GET on `resolve` is all that is needed here.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { openCache } from "../cache/open_cache.ts";
import { openRemoteFile, refuseOffline } from "../cache/remote_file.ts";
import type { ByteSource, ErrorClass } from "../files/byte_source.ts";
import { openDownload } from "../http/download_source.ts";
import { openRanges } from "../http/range_source.ts";
import { type Refusal, refusalError } from "../http/refusal.ts";
import { type HubAddress, hubAddress, hubFileUrl } from "./hub_address.ts";
import type { HubOptions } from "./hub_options.ts";
import type { RepoOfKind } from "./hub_repo.ts";
import { findInHuggingFaceCache } from "./hugging_face_cache.ts";

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
  repo: RepoOfKind,
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
  repo: RepoOfKind,
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

/**
 * Opens a file of a repository of which no copy is kept: it may be larger than the disk.
 *
 * @param how Whether it is read as one stream, or each read asks for its own bytes.
 * @returns The file to read, or nothing if the hub has none.
 * @throws {Error} If the hub can't be reached, or sends no parts where they are wanted; its class is
 * `options.errorClass`.
 */
export async function readHubFile(
  repo: RepoOfKind,
  file: string,
  how: "stream" | "ranges",
  options: HubOptions = {},
): Promise<ByteSource | undefined> {
  const { errorClass = WeightsError } = options;
  const hub = hubAddress(options.host, options.token);
  const url = hubFileUrl(hub.url, repo, file);
  const name = `${repo.repo}/${file}`;
  refuseOffline(name, options);
  const requestOptions = { ...options, authorization: hub.authorization };
  const found = await (how === "ranges" ? openRanges : openDownload)(name, url, requestOptions);
  if (found === undefined) {
    throw new errorClass(`Cannot read ${name}: ${hub.url} sends no parts of files; fetch it and give its path`);
  }
  if (!("kind" in found)) return found;
  if (found.reason !== "no file") throw hubRefusal(url, found, hub, errorClass);
  return undefined;
}

/** Makes the error that says what a hub refused. */
export function hubRefusal(url: string, refusal: Refusal, hub: HubAddress, errorClass: ErrorClass): Error {
  return refusalError(url, refusal, errorClass, refusal.reason === "not allowed" ? withheldHint(hub) : "");
}

async function findHubFile(
  repo: RepoOfKind,
  file: string,
  hub: HubAddress,
  options: HubOptions,
): Promise<ByteSource | Missing> {
  const { errorClass = WeightsError, huggingFaceCache } = options;
  const url = hubFileUrl(hub.url, repo, file);
  const remote = {
    url,
    name: `${repo.repo}/${file}`,
    authorization: hub.authorization,
    isOfHub: true,
    // A commit never changes.
    isFinal: /^[0-9a-f]{40}$/.test(repo.revision ?? ""),
    // The folder does not say which hub its files come from.
    findElsewhere: hub.isOwn || huggingFaceCache !== undefined
      ? (signal?: AbortSignal) => findInHuggingFaceCache(repo, file, options, signal)
      : undefined,
  };
  const found = await openRemoteFile(remote, await openCache(options.cache, errorClass), options);
  if (found === undefined) return "no file";
  if (!("kind" in found)) return found;
  const { reason } = found;
  if (reason === "no file" || reason === "no revision" || reason === "no repository") return reason;
  throw hubRefusal(url, found, hub, errorClass);
}

/** Says why HF_TOKEN did not help, where it is set. */
function withheldHint({ isTokenWithheld }: HubAddress): string {
  if (!isTokenWithheld) return "";
  return " (HF_TOKEN is sent to https://huggingface.co and HF_ENDPOINT alone, encrypted or within this machine)";
}
