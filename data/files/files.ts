/**
 * The files that belong together (a model's, a tokenizer's), wherever they are: in a folder, under a URL or on a hub.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { showUrl } from "../http/show_url.ts";
import type { HubOptions } from "../hub/hub_options.ts";
import type { HubRepo } from "../hub/hub_repo.ts";
import type { ByteSource } from "./byte_source.ts";
import { currentPlaces } from "./folder_update.ts";
import { LoadProgress } from "./load_progress.ts";
import { fileSource, joinPath, splitPath } from "./local_files.ts";
import { type FileLocation, placeOf } from "./place.ts";

/** Files that belong together. */
export interface FileSet {
  /** Their place, for messages. */
  readonly description: string;
  /** The file that the location names; absent if it names the whole. */
  readonly file: string | undefined;
  /** A file by its name, or nothing if there is none. */
  open(name: string): Promise<ByteSource | undefined>;
  /**
   * Says how many bytes all files have that are opened, at least; nothing if that is not known. Progress over all files
   * has a total from then on.
   */
  expect(bytes: number | undefined): void;
  /** Whether another file has taken the place of one that was opened, so that those opened may not belong together. */
  hasChanged(): Promise<boolean>;
}

/** Attempts to open files that others keep replacing. */
const ATTEMPTS = 100;

/**
 * Opens files that belong together, once more where they are replaced meanwhile.
 *
 * @param open Opens them.
 * @param close Undoes that.
 * @throws {Error} If they are not there or never stay the same; its class is `options.errorClass`.
 */
export async function openTogether<T>(
  location: FileLocation,
  options: HubOptions,
  open: (files: FileSet) => Promise<T>,
  close: (opened: T) => Promise<void>,
): Promise<T> {
  for (let attempt = 0;; attempt++) {
    const files = await openFileSet(location, options);
    let opened: T;
    try {
      opened = await open(files);
    } catch (error) {
      if (attempt < ATTEMPTS && await files.hasChanged()) continue;
      throw error;
    }
    if (!await files.hasChanged()) return opened;
    await close(opened);
    if (attempt === ATTEMPTS) {
      const { errorClass = WeightsError } = options;
      throw new errorClass(
        `Cannot open ${files.description}: its files were replaced ${attempt} times meanwhile; wait until that ends`,
      );
    }
  }
}

/**
 * The files at a location, see `placeOf`.
 *
 * @throws {Error} If it means nothing; its class is `options.errorClass`.
 */
export async function openFileSet(location: FileLocation, options: HubOptions = {}): Promise<FileSet> {
  const place = await placeOf(location, options.errorClass);
  switch (place.kind) {
    case "hub":
      return hubFiles(place.repo, options, place.doubt);
    case "url":
      return urlFiles(place.url, options);
    default:
      return localFiles(place.path, place.kind, options);
  }
}

function localFiles(path: string, kind: "file" | "folder", options: HubOptions): FileSet {
  const { folder, file } = kind === "folder" ? { folder: path, file: undefined } : splitPath(path);
  const open = async (name: string) =>
    await fileSource(joinPath(folder, name), options.errorClass, () => currentPlaces(folder, name));
  const opened = new Map<string, string | undefined>();
  return {
    description: path,
    file,
    open: async (name) => {
      const source = await open(name);
      opened.set(name, source?.identity);
      return source;
    },
    expect: () => {},
    hasChanged: async () => {
      for (const [name, identity] of opened) if ((await open(name))?.identity !== identity) return true;
      return false;
    },
  };
}

function urlFiles(url: URL, options: HubOptions): FileSet {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  const hasFolder = /^https?:$/.test(url.protocol);
  // A URL does not say whether it means a folder; the files that belong to a model have one of these endings.
  const file = !hasFolder || /\.(safetensors|json)$/.test(last) ? last : undefined;
  const folder = new URL(url);
  if (file === undefined) folder.pathname = folder.pathname.replace(/\/*$/, "/");
  return fetchedFiles(showUrl(url), file, options, async (name, counted) => {
    if (name !== file && !hasFolder) return undefined;
    const place = name === file ? url : new URL(name, folder);
    place.search = url.search;
    const { openUrlFile } = await import("../cache/url_file.ts");
    return await openUrlFile(place, counted);
  });
}

/** @param doubt Why the name may have meant something else, for messages. */
function hubFiles(repo: HubRepo, options: HubOptions, doubt?: string): FileSet {
  const { revision } = repo;
  const description = `${repo.repo}${revision === undefined ? "" : `@${revision}`} on the Hugging Face Hub`;
  return fetchedFiles(description, undefined, options, async (name, counted) => {
    const { openHubFile } = await import("../hub/hub.ts");
    try {
      return await openHubFile(repo, name, counted);
    } catch (error) {
      const { errorClass = WeightsError } = options;
      if (doubt === undefined || !(error instanceof errorClass)) throw error;
      throw new errorClass(`Cannot open ${repo.repo}: as a folder, ${doubt}; on the Hub, ${error.message}`, {
        cause: error,
      });
    }
  });
}

/** Files that are fetched, whose bytes are counted together. */
function fetchedFiles(
  description: string,
  file: string | undefined,
  options: HubOptions,
  open: (name: string, options: HubOptions) => Promise<ByteSource | undefined>,
): FileSet {
  const progress = new LoadProgress(options.onProgress);
  const counted = { ...options, onProgress: progress.report };
  return {
    description,
    file,
    open: async (name) => {
      const source = await open(name, counted);
      if (source !== undefined) progress.arrived(source.name, source.size);
      return source;
    },
    expect: (bytes) => progress.expect(bytes),
    hasChanged: () => Promise.resolve(false),
  };
}
