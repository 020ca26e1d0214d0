/**
 * A dataset that is being written into a folder, shard by shard, such that a build that was killed goes on where its
 * last shard ended.
 *
 * Finished shards lie in `.andromeda-build` beside `progress.json`, which says where in the source the last checkpoint
 * was. Beside it are the documents that were waiting then, and what is known of all before, in files that it counts.
 * When all shards are there, they get their names, which tell how many there are; doing so once more does no harm.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { messageOf, readAll } from "../../files/byte_source.ts";
import { absent, fileSource, joinPath, makeFolder, namesIn, replaceFile } from "../../files/local_files.ts";
import { type DatasetRow, tokensOf } from "../blocks/block.ts";
import { BEGINNING, type SourcePlace } from "../documents.ts";
import { NO_TEXTS, type TextCounts } from "../filtering/text_counts.ts";
import { readDocuments, writeDocuments } from "../formats/token_file.ts";
import { CARD, datasetCard } from "./card.ts";
import { MANIFEST, type Part, readManifest, type Split, splitOf, totalOf, writeManifest } from "./manifest.ts";
import type { RowPlan, ShardWriter } from "./format.ts";
import { beginShard } from "./shard.ts";

const BUILD = ".andromeda-build";
const PROGRESS = "progress.json";

/** Where a build goes on. */
export interface BuildState {
  /** Where in the source the documents end that were read. */
  readonly next: SourcePlace;
  readonly texts: TextCounts;
}

/** What a build needs to go on, and what does not fit into a few lines. */
export interface Checkpoint extends BuildState {
  /** For each split, documents that were read and are in no finished shard. */
  readonly waiting: readonly (readonly Int32Array[])[];
  /** What is known of the documents since the last checkpoint, so that others like them are left out. */
  readonly seen: Uint8Array;
}

/** How far a build is. */
interface BuildProgress extends BuildState {
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Shards that are finished, by the names of their splits. */
  readonly parts: Readonly<Record<string, readonly Part[]>>;
  /** Bytes of the files that were read to their ends by then. */
  readonly bytes: number;
  /** Checkpoints so far. */
  readonly checkpoints: number;
  readonly isComplete: boolean;
}

/** What a dataset is to be. */
export interface BuildPlan extends RowPlan {
  /** The names of its splits. */
  readonly splits: readonly string[];
  /** What it is made from, and how: a folder that was begun otherwise is refused. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Bytes of the files of its source before one: a folder that was made of others is refused. */
  readonly bytesBefore?: ((file: number) => number) | undefined;
}

/** A shard that is being written. */
interface OpenShard {
  readonly writer: ShardWriter;
  rows: number;
  tokens: number;
}

/** A folder in which a dataset is being built. */
export class BuildFolder {
  readonly #folder: string;
  readonly #plan: BuildPlan;
  #progress: BuildProgress;
  /** Finished shards, with those since the last checkpoint. */
  #parts: Record<string, readonly Part[]>;
  readonly #open = new Map<string, OpenShard>();

  private constructor(folder: string, plan: BuildPlan, progress: BuildProgress) {
    this.#folder = folder;
    this.#plan = plan;
    this.#progress = progress;
    this.#parts = { ...progress.parts };
  }

  /**
   * Begins a dataset in a folder, which is made if need be.
   *
   * @throws {DatasetError} If something is in it.
   */
  static async create(folder: string, plan: BuildPlan): Promise<BuildFolder> {
    const [name] = await namesIn(folder);
    if (name !== undefined) {
      throw new DatasetError(`Cannot write a dataset into ${folder}: it holds ${name}; give a folder of its own`);
    }
    await makeFolder(joinPath(folder, BUILD)).catch((cause) => {
      throw new DatasetError(`Cannot write a dataset into ${folder}: ${messageOf(cause)}`, { cause });
    });
    const parts = Object.fromEntries(plan.splits.map((split) => [split, []]));
    const { recipe } = plan;
    return new BuildFolder(folder, plan, {
      ...{ recipe, parts, checkpoints: 0, next: BEGINNING, bytes: 0, texts: NO_TEXTS, isComplete: false },
    });
  }

  /**
   * The same, or goes on with what was begun by the same recipe.
   *
   * @throws {DatasetError} If something else is in the folder, or another dataset.
   */
  static async open(folder: string, plan: BuildPlan): Promise<BuildFolder> {
    const begun = await readText(joinPath(folder, BUILD, PROGRESS));
    if (begun !== undefined) {
      const progress = readProgress(begun, folder);
      checkSame(progress.recipe, plan.recipe, folder);
      checkBytes(progress.bytes, plan, progress.next.file, folder);
      return new BuildFolder(folder, plan, progress);
    }
    const built = await readText(joinPath(folder, MANIFEST));
    if (built !== undefined) {
      const { recipe, sourceBytes } = readManifest(built, joinPath(folder, MANIFEST));
      checkSame(recipe, plan.recipe, folder);
      checkBytes(sourceBytes, plan, Infinity, folder);
      const isComplete = true;
      return new BuildFolder(folder, plan, {
        ...{ recipe, parts: {}, checkpoints: 0, next: BEGINNING, bytes: 0, texts: NO_TEXTS, isComplete },
      });
    }
    // A process that was killed before its first shard was there left an empty folder.
    await removeTree(joinPath(folder, BUILD));
    return await BuildFolder.create(folder, plan);
  }

  /** Whether all rows are written, so that only `finish` is left. */
  get isComplete(): boolean {
    return this.#progress.isComplete;
  }

  /** Where the build goes on. */
  get state(): BuildState {
    return this.#progress;
  }

  /** Rows and tokens that are in finished shards. */
  get written(): { readonly rows: number; readonly tokens: number } {
    return totalOf(Object.values(this.#parts).flat());
  }

  /** How many shards of a split are finished. */
  shardsOf(split: string): number {
    return this.#parts[split]?.length ?? 0;
  }

  /** Documents of a split that were read and are in no finished shard. */
  async waiting(split: string): Promise<Int32Array[]> {
    const { checkpoints } = this.#progress;
    const source = await fileSource(joinPath(this.#folder, BUILD, waitingName(split, checkpoints)), DatasetError);
    return source ? await readDocuments(source) : [];
  }

  /** What is known of the documents that were read, checkpoint by checkpoint. */
  async *seen(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let number = 1; number <= this.#progress.checkpoints; number++) {
      const source = await fileSource(joinPath(this.#folder, BUILD, seenName(number)), DatasetError);
      if (source) yield await readAll(source);
    }
  }

  /** Appends a row to a split. */
  async add(split: string, row: DatasetRow): Promise<void> {
    const shard = this.#open.get(split) ?? { writer: await beginShard(this.#plan), rows: 0, tokens: 0 };
    this.#open.set(split, shard);
    shard.writer.add(row);
    shard.rows += 1;
    shard.tokens += tokensOf(row);
  }

  /** Ends the shard of a split, if one was begun. It counts from the next checkpoint on. */
  async endShard(split: string): Promise<void> {
    const shard = this.#open.get(split);
    if (!shard) return;
    this.#open.delete(split);
    const pieces = shard.writer.finish();
    const before = this.#parts[split] ?? [];
    await replaceFile(joinPath(this.#folder, BUILD, partName(split, before.length)), inOrder(pieces));
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#parts[split] = [...before, { rows: shard.rows, tokens: shard.tokens, bytes }];
  }

  /** Keeps how far the build is: it goes on from here. */
  async checkpoint({ next, texts, waiting, seen }: Checkpoint): Promise<void> {
    const { splits, bytesBefore } = this.#plan;
    const bytes = bytesBefore?.(next.file) ?? 0;
    const before = this.#progress.checkpoints;
    const path = (name: string) => joinPath(this.#folder, BUILD, name);
    for (const [i, split] of splits.entries()) {
      const documents = waiting[i] ?? [];
      const name = path(waitingName(split, before + 1));
      if (documents.length > 0) await replaceFile(name, inOrder(writeDocuments(documents)));
    }
    if (seen.length > 0) await replaceFile(path(seenName(before + 1)), seen);
    await this.#keep({ ...this.#progress, next, bytes, texts, checkpoints: before + 1 });
    for (const split of splits) await removeTree(path(waitingName(split, before)));
  }

  /**
   * Ends the dataset: the shards get their names, and the folder its card.
   *
   * @param texts What became of the texts, where it is made of texts.
   */
  async finish(texts?: TextCounts): Promise<void> {
    const { format, seqLen, splits, recipe } = this.#plan;
    if (!this.isComplete) {
      for (const split of splits) await this.endShard(split);
      await this.#keep({ ...this.#progress, texts: texts ?? NO_TEXTS, isComplete: true });
    }
    if (Object.keys(this.#parts).length > 0) {
      await this.#nameShards();
      const manifest = {
        ...{ format, seqLen, splits: splits.map((split) => this.#splitOf(split)) },
        ...this.#progress.texts.texts > 0 ? { texts: this.#progress.texts } : {},
        ...this.#plan.bytesBefore ? { sourceBytes: this.#plan.bytesBefore(Infinity) } : {},
        recipe,
      };
      await replaceFile(joinPath(this.#folder, CARD), datasetCard(manifest));
      await replaceFile(joinPath(this.#folder, MANIFEST), writeManifest(manifest));
    }
    await this.discard();
  }

  /** Removes what is not finished; what has its name stays. */
  async discard(): Promise<void> {
    await removeTree(joinPath(this.#folder, BUILD));
  }

  async #keep(progress: BuildProgress): Promise<void> {
    const kept = { ...progress, parts: { ...this.#parts } };
    await replaceFile(joinPath(this.#folder, BUILD, PROGRESS), `${JSON.stringify(kept)}\n`);
    this.#progress = kept;
  }

  #splitOf(name: string): Split {
    return splitOf(name, this.#parts[name] ?? [], this.#plan.format);
  }

  async #nameShards(): Promise<void> {
    const { rename } = nodeModule("node:fs/promises");
    await makeFolder(joinPath(this.#folder, "data"));
    for (const split of this.#plan.splits) {
      for (const [i, { path }] of this.#splitOf(split).shards.entries()) {
        // One that is gone has its name already.
        await rename(joinPath(this.#folder, BUILD, partName(split, i)), joinPath(this.#folder, path)).catch(absent);
      }
    }
  }
}

/**
 * The recipe of the dataset that is in a folder, or was begun there.
 *
 * @returns Nothing if there is none.
 */
export async function begunRecipe(folder: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const begun = await readText(joinPath(folder, BUILD, PROGRESS));
  if (begun !== undefined) return readProgress(begun, folder).recipe;
  const built = await readText(joinPath(folder, MANIFEST));
  return built === undefined ? undefined : readManifest(built, joinPath(folder, MANIFEST)).recipe;
}

async function* inOrder(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function partName(split: string, index: number): string {
  return `part-${split}-${String(index).padStart(5, "0")}`;
}

function waitingName(split: string, checkpoint: number): string {
  return `waiting-${split}-${checkpoint}.bin`;
}

function seenName(checkpoint: number): string {
  return `seen-${checkpoint}.bin`;
}

async function removeTree(path: string): Promise<void> {
  const { rm } = nodeModule("node:fs/promises");
  await rm(path, { recursive: true, force: true });
}

async function readText(path: string): Promise<string | undefined> {
  const { readFile } = nodeModule("node:fs/promises");
  return await readFile(path, "utf8").catch(absent);
}

function readProgress(text: string, folder: string): BuildProgress {
  const value: unknown = JSON.parse(text);
  if (isProgress(value)) return value;
  throw new DatasetError(`Cannot go on in ${folder}: ${BUILD} says nothing of a build; remove it to begin anew`);
}

function isProgress(value: unknown): value is BuildProgress {
  if (!isRecord(value) || typeof value["isComplete"] !== "boolean" || !isRecord(value["recipe"])) return false;
  const { next, texts, parts } = value;
  return hasCounts(value, ["checkpoints", "bytes"]) && hasCounts(next, Object.keys(BEGINNING)) &&
    hasCounts(texts, Object.keys(NO_TEXTS)) && isRecord(parts) &&
    Object.values(parts).every((each) =>
      Array.isArray(each) && each.every((part) => hasCounts(part, ["rows", "tokens", "bytes"]))
    );
}

function hasCounts(value: unknown, names: readonly string[]): boolean {
  return isRecord(value) && names.every((name) => Number.isSafeInteger(value[name]));
}

/** @throws {DatasetError} Where a folder holds, or was begun for, another dataset. */
function checkSame(
  found: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  folder: string,
): void {
  const text = (value: unknown) => JSON.stringify(value);
  const other = Object.keys({ ...found, ...wanted }).find((name) => text(found[name]) !== text(wanted[name]));
  if (other === undefined) return;
  throw new DatasetError(
    `Cannot build a dataset in ${folder}: it holds one with ${other} = ${text(found[other])}, and ` +
      `${text(wanted[other])} is asked for; give a folder of its own`,
  );
}

/** @throws {DatasetError} Where files that a dataset was made of have other sizes now: `bytes` before `file`. */
function checkBytes(bytes: number | undefined, { bytesBefore }: BuildPlan, file: number, folder: string): void {
  const now = bytesBefore?.(file);
  if (bytes === undefined || now === undefined || now === bytes) return;
  throw new DatasetError(
    `Cannot build a dataset in ${folder}: it holds one of files that had ${bytes} bytes, and they have ${now} now; ` +
      "give a folder of its own, or remove this one",
  );
}
