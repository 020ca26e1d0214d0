/**
 * What a hub tells of a dataset: its commit, the head of its card, and its files.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { WeightsError } from "../../errors.ts";
import { refuseOffline } from "../cache/remote_file.ts";
import type { ErrorClass } from "../files/byte_source.ts";
import { startDownload } from "../http/download.ts";
import { showUrl } from "../http/show_url.ts";
import { type HubAddress, hubAddress, hubDatasetUrl } from "./hub_address.ts";
import type { HubOptions } from "./hub_options.ts";
import type { HubRepo } from "./hub_repo.ts";
import { hubRefusal } from "./hub.ts";

/** Bytes of an answer, and pages of a listing, at most: no hub sends as many. */
const [MOST_BYTES, MOST_PAGES] = [1 << 26, 10_000];

/** A file of a repository. */
export interface HubFile {
  /** Its path in the repository. */
  readonly path: string;
  /** Its bytes. */
  readonly size: number;
}

/** A dataset at one commit. */
export interface DatasetListing {
  /** The commit: 40 hexadecimal digits. */
  readonly commit: string;
  /** The head of the dataset card, as the hub read it. */
  readonly card: Readonly<Record<string, unknown>>;
  /** Its files in the order of their paths. */
  readonly files: readonly HubFile[];
}

/**
 * Lists the files of a dataset, at the commit that its revision names at this moment.
 *
 * @throws {ConfigError} If a name is not one that a hub can have.
 * @throws {Error} If there is no such dataset, or the hub can't be reached; its class is `options.errorClass`.
 */
export async function listDataset(repo: HubRepo, options: HubOptions = {}): Promise<DatasetListing> {
  const { errorClass = WeightsError } = options;
  const hub = hubAddress(options.host, options.token);
  refuseOffline(`the files of ${repo.repo}`, options);
  const infoUrl = hubDatasetUrl(hub.url, repo, "revision");
  const { value: info } = await fetchJson(infoUrl, hub, options);
  const commit = isRecord(info) ? info["sha"] : undefined;
  if (!isRecord(info) || typeof commit !== "string" || !/^[0-9a-f]{40}$/.test(commit)) {
    throw new errorClass(`Cannot list the files of ${repo.repo}: ${showUrl(infoUrl)} names no commit`);
  }
  const card = isRecord(info["cardData"]) ? info["cardData"] : {};
  const files: HubFile[] = [];
  const url = new URL(hubDatasetUrl(hub.url, { ...repo, revision: commit }, "tree"));
  url.search = "?recursive=true";
  for (let pages = 1;; pages++) {
    const { value, nextPage } = await fetchJson(url.href, hub, options);
    files.push(...filesIn(value, url.href, errorClass));
    if (nextPage === undefined) break;
    // A token goes to the hub alone, so only the query of the next page's URL counts.
    const { search } = URL.canParse(nextPage, url) ? new URL(nextPage, url) : url;
    if (search === url.search || pages === MOST_PAGES) {
      throw new errorClass(
        `Cannot list the files of ${repo.repo}: the hub's listing does not end after ${pages} pages`,
      );
    }
    url.search = search;
  }
  return { commit, card, files: files.toSorted((a, b) => a.path < b.path ? -1 : 1) };
}

function filesIn(page: unknown, url: string, errorClass: ErrorClass): HubFile[] {
  if (!Array.isArray(page)) throw new errorClass(`Cannot read ${showUrl(url)}: expected a list of files`);
  return page.flatMap((entry: unknown) => {
    if (!isRecord(entry) || entry["type"] !== "file") return [];
    const { path, size } = entry;
    return typeof path === "string" && typeof size === "number" ? [{ path, size }] : [];
  });
}

async function fetchJson(
  url: string,
  hub: HubAddress,
  options: HubOptions,
): Promise<{ value: unknown; nextPage: string | undefined }> {
  const { errorClass = WeightsError } = options;
  const answer = await startDownload(url, {}, { ...options, authorization: hub.authorization });
  if (answer.kind === "refusal") throw hubRefusal(url, answer, hub, errorClass);
  if (answer.kind === "unchanged") throw new errorClass(`Cannot read ${showUrl(url)}: the hub sent nothing`);
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  for await (const chunk of answer.chunks()) {
    length += chunk.byteLength;
    if (length > MOST_BYTES) throw new errorClass(`Cannot read ${showUrl(url)}: it has more than ${MOST_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return { value: JSON.parse(text + decoder.decode()), nextPage: answer.nextPage };
  } catch (cause) {
    throw new errorClass(`Cannot read ${showUrl(url)}: it is no JSON`, { cause });
  }
}
