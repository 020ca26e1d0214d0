/**
 * Opens datasets of token ids: those that say what is in them in a manifest, and parquet files of others.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { DatasetError } from "../../../errors.ts";
import { readAll } from "../../files/byte_source.ts";
import { type FileLocation, placeOf } from "../../files/place.ts";
import type { HubOptions } from "../../hub/hub_options.ts";
import type { Blocks } from "../blocks/block.ts";
import { openParquetRows } from "../blocks/parquet_rows.ts";
import { type RowFile, ShardBlocks } from "../blocks/shard_blocks.ts";
import { filesOfPart } from "../sources/card_files.ts";
import { type DatasetFile, type DatasetFiles, datasetFiles, urlFile } from "../sources/dataset_files.ts";
import { begunRecipe } from "./build_folder.ts";
import { MANIFEST, readManifest } from "./manifest.ts";
import { openShard } from "./shard.ts";

/**
 * How a dataset is opened.
 *
 * @category Data
 */
export interface DatasetLoadOptions extends HubOptions {
  /** The part of it. Default: the first one, which is not what was held out for validation; of others, "train". */
  readonly split?: string | undefined;
  /**
   * The configuration of a dataset of others that has several. Default: the one that its card calls the default, or its
   * only one.
   */
  readonly config?: string | undefined;
}

/** Files whose ends are read at once. */
const OPENED_AT_ONCE = 8;

/**
 * Opens the rows at a location.
 *
 * @throws {DatasetError} If there are none, or they can't be read.
 */
export async function openDataset(location: FileLocation, options: DatasetLoadOptions): Promise<Blocks> {
  const place = await placeOf(location, DatasetError);
  if (place.kind === "url" && !isParquet(place.url.pathname)) return await openUrlFolder(place.url, options);
  const found = await datasetFiles(place, options);
  if (place.kind === "file" || place.kind === "url") return await openFiles(found.files);
  const byPath = new Map(found.files.map((file) => [file.path, file]));
  const manifest = byPath.get(MANIFEST);
  if (manifest) return await openManifest(manifest, found.description, (path) => byPath.get(path), options);
  if (place.kind === "folder" && await begunRecipe(place.path)) {
    throw new DatasetError(`Cannot load a dataset from ${place.path}: its build is not finished; build it again first`);
  }
  return await openFiles(filesOfOthers(found, byPath, options));
}

/** The parquet files of a part of a dataset without a manifest. */
function filesOfOthers(
  { files, card, description }: DatasetFiles,
  byPath: ReadonlyMap<string, DatasetFile>,
  { config, split = "train" }: DatasetLoadOptions,
): DatasetFile[] {
  const paths = files.map(({ path }) => path).filter(isParquet);
  const other = [...byPath.keys()].find((path) => path.endsWith(`/${MANIFEST}`));
  if (other !== undefined) {
    throw new DatasetError(
      `Cannot load a dataset from ${description}: it has no ${MANIFEST} but ${other}, which is of another; name its folder`,
    );
  }
  if (paths.length === 0) {
    throw new DatasetError(`Cannot load a dataset from ${description}: it has no ${MANIFEST}, and no parquet files`);
  }
  return filesOfPart(card, paths, { config, split }, description).flatMap((path) => byPath.get(path) ?? []);
}

/** A folder at a URL, of which only the manifest says what is in it. */
async function openUrlFolder(url: URL, options: DatasetLoadOptions): Promise<Blocks> {
  const folder = new URL(url);
  if (folder.pathname.endsWith(`/${MANIFEST}`)) folder.pathname = folder.pathname.slice(0, -MANIFEST.length);
  else folder.pathname = folder.pathname.replace(/\/*$/, "/");
  const fetching = { ...options, errorClass: DatasetError };
  const fileAt = (path: string) => {
    const place = new URL(path, folder);
    place.search = url.search;
    return urlFile(place, fetching);
  };
  return await openManifest(fileAt(MANIFEST), `${folder.origin}${folder.pathname}`, fileAt, options);
}

async function openManifest(
  file: DatasetFile,
  description: string,
  fileAt: (path: string) => DatasetFile | undefined,
  { split: name, signal }: DatasetLoadOptions,
): Promise<Blocks> {
  const text = new TextDecoder().decode(await readAll(await file.open(), signal));
  const manifest = readManifest(text, `${MANIFEST} of ${description}`);
  const { splits, seqLen } = manifest;
  const split = name === undefined ? splits[0] : splits.find((each) => each.name === name);
  if (!split) {
    const names = splits.map(({ name }) => show(name)).join(", ") || "none";
    throw new DatasetError(`Cannot load the split ${show(name)} of ${description}: it has ${names}`);
  }
  return new ShardBlocks(split.shards, seqLen, async (path) => {
    const shard = fileAt(path);
    if (!shard) throw new DatasetError(`Cannot load a dataset from ${description}: it has no ${path}`);
    return await openShard(await shard.open(), manifest);
  });
}

/** Parquet files one after the other. Their ends say how many rows there are. */
async function openFiles(files: readonly DatasetFile[]): Promise<Blocks> {
  const opened = new Map<string, RowFile>();
  for (let start = 0; start < files.length; start += OPENED_AT_ONCE) {
    await Promise.all(
      files.slice(start, start + OPENED_AT_ONCE).map(async (file) => {
        opened.set(file.path, await openParquetRows(await file.open()));
      }),
    );
  }
  const shards = files.map(({ path }) => ({ path, rows: opened.get(path)?.length ?? 0, bytes: 0 }));
  const open = (path: string) => {
    const file = opened.get(path);
    return file ? Promise.resolve(file) : Promise.reject(new DatasetError(`Cannot read ${path}: it was not opened`));
  };
  const blocks = new ShardBlocks(shards, 0, open);
  const seqLen = blocks.length === 0 ? 0 : (await blocks.read(0)).inputIds.length;
  return new ShardBlocks(shards, seqLen, open);
}

function isParquet(path: string): boolean {
  return path.toLowerCase().endsWith(".parquet");
}
