/**
 * A dataset that is being written into a folder, shard by shard, such that a build that was killed goes on where its
 * last shard ended.
 *
 * Finished shards lie in `.andromeda-build` beside `progress.json`, which says where in the source each ended. When all
 * are there, they get their names, which tell how many there are; doing so once more does no harm.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { messageOf } from "../../files/byte_source.ts";
import { absent, joinPath, makeFolder, namesIn, replaceFile } from "../../files/local_files.ts";
import type { DatasetRow } from "../blocks/block.ts";
import { BEGINNING, type SourcePlace } from "../documents.ts";
import { CARD, datasetCard } from "./card.ts";
import { MANIFEST, type Manifest, readManifest, type Shard, writeManifest } from "./manifest.ts";
import { beginShard, type ShardWriter } from "./parquet_shard.ts";

const BUILD = ".andromeda-build";
const PROGRESS = "progress.json";

/** What is known of a shard that is finished. */
interface Part {
  readonly rows: number;
  readonly tokens: number;
  readonly bytes: number;
  /** Where the next one begins. */
  readonly next: SourcePlace;
}

/** How far a build is. */
interface BuildProgress {
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly parts: readonly Part[];
  readonly isComplete: boolean;
}

/** What a dataset is to be. */
export interface BuildPlan {
  readonly split: string;
  readonly seqLen: number;
  /** Rows of a shard. */
  readonly shardRows: number;
  /** What it is made from, and how: a folder that was begun otherwise is refused. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

/** A folder in which a dataset is being built. */
export class BuildFolder {
  readonly #folder: string;
  readonly #plan: BuildPlan;
  #progress: BuildProgress;
  #shard: ShardWriter | undefined;
  #rows = 0;
  #tokens = 0;

  private constructor(folder: string, plan: BuildPlan, progress: BuildProgress) {
    this.#folder = folder;
    this.#plan = plan;
    this.#progress = progress;
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
    return new BuildFolder(folder, plan, { recipe: plan.recipe, parts: [], isComplete: false });
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
      return new BuildFolder(folder, plan, progress);
    }
    const built = await readText(joinPath(folder, MANIFEST));
    if (built !== undefined) {
      const { recipe, shards, rows, tokens } = readManifest(built, joinPath(folder, MANIFEST));
      checkSame(recipe, plan.recipe, folder);
      const parts = shards.map(({ rows, bytes }) => ({ rows, bytes, tokens: 0, next: BEGINNING }));
      const [first, ...others] = parts;
      const counted = first ? [{ ...first, tokens }, ...others] : [];
      if (counted.reduce((sum, part) => sum + part.rows, 0) === rows) {
        return new BuildFolder(folder, plan, { recipe, parts: counted, isComplete: true });
      }
    }
    // A process that was killed before its first shard was there left an empty folder.
    await removeTree(joinPath(folder, BUILD));
    return await BuildFolder.create(folder, plan);
  }

  /** Whether all rows are written, so that only `finish` is left. */
  get isComplete(): boolean {
    return this.#progress.isComplete;
  }

  /** Where in the source the rows that are written end. */
  get next(): SourcePlace {
    return this.#progress.parts.at(-1)?.next ?? BEGINNING;
  }

  /** Rows and tokens that are in finished shards. */
  get written(): { readonly rows: number; readonly tokens: number } {
    const { parts } = this.#progress;
    const sum = (of: (part: Part) => number) => parts.reduce((all, part) => all + of(part), 0);
    return { rows: sum(({ rows }) => rows), tokens: sum(({ tokens }) => tokens) };
  }

  /**
   * Appends a row.
   *
   * @param next Where in the source the row ends.
   */
  async add(row: DatasetRow, next: SourcePlace): Promise<void> {
    this.#shard ??= await beginShard(this.#plan.seqLen);
    this.#shard.add(row);
    this.#rows += 1;
    this.#tokens += row.attentionMask.reduce((sum, bit) => sum + bit, 0);
    if (this.#rows === this.#plan.shardRows) await this.#finishShard(next);
  }

  /** Ends the dataset: the shards get their names, and the folder its card. */
  async finish(): Promise<Manifest> {
    if (!this.isComplete) {
      if (this.#rows > 0) await this.#finishShard(BEGINNING);
      await this.#keep({ ...this.#progress, isComplete: true });
    }
    const { split, seqLen, recipe } = this.#plan;
    const { parts } = this.#progress;
    const shards = parts.map(({ rows, bytes }, i): Shard => ({ path: shardPath(split, i, parts.length), rows, bytes }));
    const manifest = { split, seqLen, ...this.written, shards, recipe };
    await this.#nameShards(shards);
    await replaceFile(joinPath(this.#folder, CARD), datasetCard(manifest));
    await replaceFile(joinPath(this.#folder, MANIFEST), writeManifest(manifest));
    await this.discard();
    return manifest;
  }

  /** Removes what is not finished; what has its name stays. */
  async discard(): Promise<void> {
    await removeTree(joinPath(this.#folder, BUILD));
  }

  async #finishShard(next: SourcePlace): Promise<void> {
    const pieces = this.#shard?.finish() ?? [];
    this.#shard = undefined;
    const { parts } = this.#progress;
    await replaceFile(joinPath(this.#folder, BUILD, partName(parts.length)), inOrder(pieces));
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const part = { rows: this.#rows, tokens: this.#tokens, bytes, next };
    this.#rows = this.#tokens = 0;
    await this.#keep({ ...this.#progress, parts: [...parts, part] });
  }

  async #keep(progress: BuildProgress): Promise<void> {
    await replaceFile(joinPath(this.#folder, BUILD, PROGRESS), `${JSON.stringify(progress)}\n`);
    this.#progress = progress;
  }

  async #nameShards(shards: readonly Shard[]): Promise<void> {
    const { rename } = nodeModule("node:fs/promises");
    await makeFolder(joinPath(this.#folder, "data"));
    for (const [i, { path }] of shards.entries()) {
      // One that is gone has its name already.
      await rename(joinPath(this.#folder, BUILD, partName(i)), joinPath(this.#folder, path)).catch(absent);
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

/** The path of a shard, as Python's `datasets` names it. */
function shardPath(split: string, index: number, count: number): string {
  const five = (number: number) => String(number).padStart(5, "0");
  return `data/${split}-${five(index)}-of-${five(count)}.parquet`;
}

async function* inOrder(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function partName(index: number): string {
  return `part-${String(index).padStart(5, "0")}.parquet`;
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
  if (isRecord(value) && isRecord(value["recipe"]) && Array.isArray(value["parts"]) && value["parts"].every(isPart)) {
    return { recipe: value["recipe"], parts: value["parts"], isComplete: value["isComplete"] === true };
  }
  throw new DatasetError(`Cannot go on in ${folder}: ${BUILD} says nothing of a build; remove it to begin anew`);
}

function isPart(value: unknown): value is Part {
  if (!isRecord(value) || !isRecord(value["next"])) return false;
  const { next } = value;
  return ["rows", "tokens", "bytes"].every((name) => Number.isSafeInteger(value[name])) &&
    ["file", "row", "tokens"].every((name) => Number.isSafeInteger(next[name]));
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
