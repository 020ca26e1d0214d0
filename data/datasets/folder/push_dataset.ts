/**
 * Pushes datasets to a hub, as files that `Dataset.load` and Python's `datasets` read there.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { DatasetError } from "../../../errors.ts";
import { blobSource, type ByteSource, bytesSource, readAll } from "../../files/byte_source.ts";
import { fileSource, joinPath } from "../../files/local_files.ts";
import type { DatasetListing } from "../../hub/dataset_listing.ts";
import type { HubPush, HubPushOptions, HubTarget } from "../../hub/push.ts";
import type { Blocks } from "../blocks/block.ts";
import { tokensOf } from "../blocks/block.ts";
import { CARD, datasetCard } from "./card.ts";
import type { RowPlan } from "./format.ts";
import { MANIFEST, type Manifest, type Part, readManifest, splitOf, writeManifest } from "./manifest.ts";
import { beginShard } from "./shard.ts";

/** What speaks with hubs, loaded by those who push. */
const [listing, hub, pushing] = [
  () => import("../../hub/dataset_listing.ts"),
  () => import("../../hub/hub.ts"),
  () => import("../../hub/push.ts"),
];

/** Rows as they are to be pushed. */
export interface RowsToPush extends RowPlan {
  readonly blocks: Blocks;
  /** What they are a part of. */
  readonly split: string;
  /** Rows of a shard. */
  readonly shardRows: number;
}

/** A dataset as files. */
export interface BuiltFiles {
  readonly manifest: Manifest;
  /** Its shards, by their paths. */
  readonly shards: ReadonlyMap<string, ByteSource>;
}

/**
 * Sees to it that nothing is built for a push that can't be.
 *
 * @throws {ConfigError} If the name can't be one.
 * @throws {DatasetError} If there is no token.
 */
export async function checkPush(repo: string, options: HubPushOptions): Promise<void> {
  await targetOf(repo, options);
}

/**
 * Pushes a folder that holds a whole dataset, which takes the place of one that is there.
 *
 * @throws {DatasetError} If the folder can't be read, the repository holds files that are none of a dataset of ours, or
 * the hub refuses.
 */
export async function pushFolder(folder: string, repo: string, options: HubPushOptions): Promise<HubPush> {
  const files = await builtFiles(folder);
  return await push(repo, () => files, options);
}

/**
 * The files of a folder that holds a whole dataset.
 *
 * @throws {DatasetError} If it lacks one.
 */
export async function builtFiles(folder: string): Promise<BuiltFiles> {
  const open = async (path: string): Promise<ByteSource> => {
    const source = await fileSource(joinPath(folder, path), DatasetError);
    if (source) return source;
    throw new DatasetError(`Cannot read the dataset in ${folder}: it has no ${path}; build it again`);
  };
  const text = new TextDecoder().decode(await readAll(await open(MANIFEST)));
  const manifest = readManifest(text, joinPath(folder, MANIFEST));
  const shards = new Map<string, ByteSource>();
  for (const path of shardPaths(manifest)) shards.set(path, await open(path));
  return { manifest, shards };
}

/** The files that say what is in a dataset, by their paths: the manifest is the last. */
export function filesAbout(manifest: Manifest): [path: string, source: ByteSource][] {
  const texts = [[CARD, datasetCard(manifest)], [MANIFEST, writeManifest(manifest)]] as const;
  return texts.map(([path, text]) => [path, bytesSource(new TextEncoder().encode(text), path)]);
}

/** The paths of the shards of a dataset. */
export function shardPaths(manifest: Manifest | undefined): string[] {
  return manifest?.splits.flatMap((split) => split.shards.map(({ path }) => path)) ?? [];
}

/**
 * Pushes rows as a split of a dataset, which keeps its other splits. The files are made in memory.
 *
 * @throws {DatasetError} If the repository holds files that are none of a dataset of ours, or rows of another kind, or
 * the hub refuses.
 */
export async function pushRows(rows: RowsToPush, repo: string, options: HubPushOptions): Promise<HubPush> {
  await checkPush(repo, options);
  const { format, seqLen, split: name } = rows;
  const blobs: Blob[] = [];
  const parts: Part[] = [];
  for await (const { part, blob } of shardsOf(rows, options.signal)) {
    parts.push(part);
    blobs.push(blob);
  }
  const split = splitOf(name, parts, format);
  const shards = new Map(split.shards.map(({ path }, i) => [path, blobSource(blobs[i] ?? new Blob(), path)]));
  const recipe = { rows: split.rows, seqLen };
  return await push(repo, (before) => {
    const others = before?.splits.filter((each) => each.name !== name) ?? [];
    if (before && others.length > 0 && (before.format !== format || before.seqLen !== seqLen)) {
      throw new DatasetError(
        `Cannot push the split ${show(name)} to ${repo}: rows of its split ${show(others[0]?.name)} are of ` +
          `${before.seqLen} tokens, as ${before.format}, and these of ${seqLen}, as ${format}; push to another repository`,
      );
    }
    const at = before?.splits.findIndex((each) => each.name === name) ?? -1;
    const splits = before && at >= 0 ? before.splits.with(at, split) : [...others, split];
    return { manifest: { format, seqLen, splits, recipe }, shards };
  }, options);
}

/** @param made Gives what is pushed, for the dataset that is in the repository. */
async function push(
  repo: string,
  made: (before: Manifest | undefined) => BuiltFiles,
  options: HubPushOptions,
): Promise<HubPush> {
  options.signal?.throwIfAborted();
  const target = await targetOf(repo, options);
  await target.make();
  const { revision, onProgress: _, ...fetching } = options;
  const reading = { ...fetching, errorClass: DatasetError, cache: false as const };
  const found = await (await listing()).listDataset({ repo, revision }, reading);
  const before = await manifestIn(found, repo, reading);
  const { manifest, shards } = made(before);
  const old = shardPaths(before);
  refuseForeign(found, old, repo);
  const kept = new Set(shardPaths(manifest));
  const there = new Set(found.files.map(({ path }) => path));
  return await target.commit({
    parent: found.commit,
    removed: old.filter((path) => there.has(path) && !kept.has(path)),
    files: new Map([...shards, ...filesAbout(manifest)]),
  });
}

async function targetOf(repo: string, options: HubPushOptions): Promise<HubTarget> {
  const { HubTarget } = await pushing();
  return new HubTarget(repo, { ...options, errorClass: DatasetError });
}

/** What a repository says of the dataset in it. */
async function manifestIn(
  { files, commit }: DatasetListing,
  repo: string,
  options: HubPushOptions,
): Promise<Manifest | undefined> {
  if (!files.some(({ path }) => path === MANIFEST)) return undefined;
  const { fetchHubFile } = await hub();
  const source = await fetchHubFile({ repo, revision: commit, kind: "dataset" }, MANIFEST, options);
  return source && readManifest(new TextDecoder().decode(await readAll(source)), `${MANIFEST} of ${repo}`);
}

/** @throws {DatasetError} Where files are there that whoever reads the dataset would take for a part of it. */
function refuseForeign({ files }: DatasetListing, old: readonly string[], repo: string): void {
  const foreign = files.find(({ path }) => /^data\/|\.parquet$/i.test(path) && !old.includes(path));
  if (!foreign) return;
  throw new DatasetError(
    `Cannot push to ${repo}: it holds ${foreign.path}, which no ${MANIFEST} tells of; push to a repository of its own`,
  );
}

/** The files of rows, one after the other. */
async function* shardsOf(
  { blocks, shardRows, ...plan }: RowsToPush,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly part: Part; readonly blob: Blob }> {
  for (let first = 0; first < blocks.length; first += shardRows) {
    const rows = Math.min(shardRows, blocks.length - first);
    const writer = await beginShard(plan);
    let tokens = 0;
    for (let index = first; index < first + rows; index++) {
      signal?.throwIfAborted();
      const row = await blocks.read(index);
      writer.add(row);
      tokens += tokensOf(row);
    }
    const blob = new Blob(writer.finish().map((piece) => piece.slice()));
    yield { part: { rows, tokens, bytes: blob.size }, blob };
  }
}
