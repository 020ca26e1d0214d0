/**
 * The files of a dataset, wherever they are.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { type ByteSource, messageOf } from "../../files/byte_source.ts";
import { fileSource, joinPath } from "../../files/local_files.ts";
import type { Place } from "../../files/place.ts";
import { nodeModule } from "../../../host/node.ts";
import { showUrl } from "../../http/show_url.ts";
import type { HubOptions } from "../../hub/hub_options.ts";
import type { HubRepo } from "../../hub/hub_repo.ts";

/** What fetches files, loaded by those who have some on a server. */
const [urlFiles, hubFiles, listing] = [
  () => import("../../cache/url_file.ts"),
  () => import("../../hub/hub.ts"),
  () => import("../../hub/dataset_listing.ts"),
];

/** A file of a dataset. */
export interface DatasetFile {
  /** Its path in the dataset. */
  readonly path: string;
  /** Its bytes, where they are known beforehand. */
  size?(): Promise<number | undefined>;
  /** Opens it. Parquet and token files are read by ranges, all else as a stream; no copies are kept. */
  open(): Promise<ByteSource>;
}

/** The files of a dataset. */
export interface DatasetFiles {
  /** Their place, for messages. */
  readonly description: string;
  /** All of them in the order of their paths. */
  readonly files: readonly DatasetFile[];
  /** The head of the dataset card, where a hub has read it. */
  readonly card: Readonly<Record<string, unknown>>;
  /** The commit that the files are of, where a hub has them. */
  readonly commit?: string | undefined;
}

/**
 * Finds the files at a place.
 *
 * @throws {DatasetError} If they can't be found.
 */
export async function datasetFiles(place: Place, options: HubOptions): Promise<DatasetFiles> {
  const fetching = { ...options, errorClass: DatasetError };
  switch (place.kind) {
    case "hub":
      return await filesOfHub(place.repo, fetching).catch((cause) => {
        if (place.doubt === undefined || !(cause instanceof DatasetError)) throw cause;
        throw new DatasetError(
          `Cannot open ${place.repo.repo}: as a folder, ${place.doubt}; on the Hub, ${cause.message}`,
          { cause },
        );
      });
    case "url":
      return { description: showUrl(place.url), files: [urlFile(place.url, fetching)], card: {} };
    case "file":
      return { description: place.path, files: [localFile(place.path, place.path)], card: {} };
    case "folder": {
      const paths = (await pathsBelow(place.path)).toSorted();
      const files = paths.map((path) => localFile(path, joinPath(place.path, path)));
      return { description: place.path, files, card: {} };
    }
  }
}

/** A file at a URL. */
export function urlFile(url: URL, options: HubOptions): DatasetFile {
  const path = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  // The end of the name says the format, so it has no query.
  const bare = new URL(url);
  bare.search = "";
  const name = showUrl(bare);
  return {
    path,
    open: async () => {
      const { readUrlFile } = await urlFiles();
      return { ...present(await readUrlFile(url, wayOf(path), options), name), name };
    },
  };
}

async function filesOfHub(repo: HubRepo, options: HubOptions): Promise<DatasetFiles> {
  const { commit, card, files } = await (await listing()).listDataset(repo, options);
  const pinned = { repo: repo.repo, revision: commit, kind: "dataset" } as const;
  return {
    description: `${repo.repo} on the Hugging Face Hub`,
    commit,
    card,
    files: files.map(({ path, size }) => ({
      path,
      size: () => Promise.resolve(size),
      open: async () => {
        const { readHubFile } = await hubFiles();
        return present(await readHubFile(pinned, path, wayOf(path), options), `${repo.repo}/${path}`);
      },
    })),
  };
}

function localFile(path: string, place: string): DatasetFile {
  const open = async () => present(await fileSource(place, DatasetError), place);
  return { path, size: async () => (await open()).size, open };
}

/** How a file is read: of parquet the end comes first, and of token files the rows that are wanted. */
function wayOf(path: string): "stream" | "ranges" {
  return /\.(parquet|bin)$/i.test(path) ? "ranges" : "stream";
}

function present(source: ByteSource | undefined, name: string): ByteSource {
  if (source) return source;
  throw new DatasetError(`Cannot read ${name}: there is no such file, or it was removed meanwhile`);
}

/** Paths of the files below a folder, from there on, with "/" between their parts. Hidden files are left out. */
async function pathsBelow(folder: string): Promise<string[]> {
  const { readdir } = nodeModule("node:fs/promises");
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new DatasetError(`Cannot read ${folder}: ${messageOf(cause)}`, { cause });
  });
  const paths: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    if (!entry.isDirectory()) paths.push(entry.name);
    else paths.push(...(await pathsBelow(joinPath(folder, entry.name))).map((path) => `${entry.name}/${path}`));
  }
  return paths;
}
