/**
 * A dataset that is ready for training.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, DatasetError } from "../../errors.ts";
import type { FileLocation } from "../files/place.ts";
import type { HubPush, HubPushOptions } from "../hub/push.ts";
import type { TokenBatch } from "../text/token_batch.ts";
import { type Blocks, type DatasetRow, isRow, MappedBlocks, MemoryBlocks, SelectedBlocks } from "./blocks/block.ts";
import { readChoice, readSplit } from "./builder_options.ts";
import { BuildFolder } from "./folder/build_folder.ts";
import { type DatasetFormat, ENDINGS } from "./folder/format.ts";
import { type DatasetLoadOptions, openDataset } from "./folder/open_dataset.ts";
import { pushRows } from "./folder/push_dataset.ts";
import { shuffled } from "./shuffle.ts";

/**
 * How batches are made.
 *
 * @category Data
 */
export interface BatchOptions {
  /** Rows of a batch; the last one may have fewer. */
  readonly batchSize: number;
  /** Whether rows come in an order drawn from `seed`. Default false. */
  readonly shuffle?: boolean | undefined;
  /** Default 0. Another seed for each epoch gives each another order. */
  readonly seed?: number | undefined;
  /** The first batch that is given, so that an epoch goes on where it was left. Default 0. */
  readonly start?: number | undefined;
}

/**
 * How a dataset is saved.
 *
 * @category Data
 */
export interface DatasetSaveOptions {
  /** What the rows are a part of. Default "train". */
  readonly split?: string | undefined;
  /** The files that the rows are written into. Default "parquet". */
  readonly format?: DatasetFormat | undefined;
  /** How many token ids there are: those of 65,536 at most take two bytes in token files, not four. */
  readonly vocabSize?: number | undefined;
  /** Ends it, and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How a dataset is pushed to a hub.
 *
 * @category Data
 */
export interface DatasetPushOptions extends DatasetSaveOptions, HubPushOptions {}

/** Tokens of a shard, where a dataset is saved. */
const SHARD_TOKENS = 1 << 24;

/**
 * Rows of token ids, all of the same length: what `DatasetBuilder` makes, and training takes. Rows are read when they
 * are asked for.
 *
 * @example
 * ```ts
 * import { AndromedaTokenizer, DatasetBuilder } from "../../mod.ts";
 *
 * const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
 * const texts = ["Good morrow, cousin.", "Is the day so young?", "But new struck nine."];
 * const dataset = await new DatasetBuilder({ datasetName: { texts }, tokenizer, seqLen: 8 }).buildDataset();
 * for await (const { inputIds, shape } of dataset.batches({ batchSize: 2, shuffle: true, seed: 1 })) {
 *   console.log(shape, tokenizer.decode(inputIds.subarray(0, shape[1])));
 * }
 * ```
 *
 * @category Data
 */
export class Dataset {
  readonly #blocks: Blocks;

  private constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /**
   * A dataset of rows that can be read.
   * @internal
   */
  static of(blocks: Blocks): Dataset {
    return new Dataset(blocks);
  }

  /**
   * Opens a dataset that `DatasetBuilder` or `save` has written, or parquet files of others with a column `input_ids`.
   * Of files on a server only the rows that are asked for are fetched.
   *
   * @param source A folder, or the URL of one; a parquet file, or the URL of one; or "org/name" on the Hub, whose
   * commit stays the same from then on.
   * @param options Which part is meant, and how files are fetched.
   * @throws {DatasetError} If there is none, or it can't be read, or has no such split.
   */
  static async load(source: FileLocation, options: DatasetLoadOptions = {}): Promise<Dataset> {
    return new Dataset(await openDataset(source, options));
  }

  /** Rows. */
  get length(): number {
    return this.#blocks.length;
  }

  /** Tokens of a row. Of parquet files of others, those of their first row: the others may have more or fewer. */
  get seqLen(): number {
    return this.#blocks.seqLen;
  }

  /**
   * A row.
   *
   * @param index From 0 on; negative ones count from the end.
   * @throws {RangeError} If there is no such row.
   */
  async get(index: number): Promise<DatasetRow> {
    const place = index < 0 ? this.length + index : index;
    if (!Number.isSafeInteger(index) || place < 0 || place >= this.length) {
      throw new RangeError(`Cannot read row ${show(index)}: the dataset has ${this.length} rows`);
    }
    return await this.#blocks.read(place);
  }

  /** All rows, in their order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DatasetRow, void, void> {
    for (let index = 0; index < this.length; index++) yield await this.#blocks.read(index);
  }

  /**
   * The rows in batches: an epoch. Shorter rows are padded with 0, which their mask leaves out.
   *
   * @throws {ConfigError} If an option is out of its range.
   */
  async *batches(options: BatchOptions): AsyncGenerator<TokenBatch, void, void> {
    const { batchSize, shuffle = false, seed = 0, start = 0 } = options;
    whole("batchSize", batchSize, 1);
    whole("start", start, 0);
    const order = shuffle ? shuffled(this.length, seed) : undefined;
    for (let first = start * batchSize; first < this.length; first += batchSize) {
      const indices = Array.from({ length: Math.min(batchSize, this.length - first) }, (_, i) => first + i);
      yield asBatch(await Promise.all(indices.map((index) => this.#blocks.read(order?.[index] ?? index))));
    }
  }

  /**
   * The same rows, changed as they are read.
   *
   * @param change Gives a row for a row; it is called anew at each reading.
   */
  map(change: (row: DatasetRow, index: number) => DatasetRow | Promise<DatasetRow>): Dataset {
    return new Dataset(
      new MappedBlocks(this.#blocks, async (row, index) => {
        const changed = await change(row, index);
        if (isRow(changed)) return changed;
        throw new DatasetError(
          `Cannot use what map() was given for row ${index}: it is ${show(changed)}; give Int32Arrays of one length`,
        );
      }),
    );
  }

  /** The rows that a test lets pass; all rows are read for it. */
  async filter(test: (row: DatasetRow, index: number) => boolean | Promise<boolean>): Promise<Dataset> {
    const passed: number[] = [];
    for (let index = 0; index < this.length; index++) {
      if (await test(await this.#blocks.read(index), index)) passed.push(index);
    }
    return this.#select(passed.length, (index) => passed[index] ?? 0);
  }

  /** The first rows. */
  take(count: number): Dataset {
    whole("count", count, 0);
    return this.#select(Math.min(count, this.length), (index) => index);
  }

  /**
   * Parts the rows for training and for validation, drawn from a seed.
   *
   * @param options `validation` is the share of the rows that are held out, between 0 and 1, or their number.
   */
  split(
    { validation, seed = 0 }: { readonly validation: number; readonly seed?: number | undefined },
  ): { readonly train: Dataset; readonly validation: Dataset } {
    const count = validation < 1 ? Math.round(validation * this.length) : validation;
    if (!Number.isSafeInteger(count) || count < 0 || count > this.length) {
      throw new ConfigError(
        `Cannot use validation = ${
          show(validation)
        }: it must be a share below 1, or a number of the ${this.length} rows`,
      );
    }
    const order = shuffled(this.length, seed);
    const held = order.slice(0, count).toSorted();
    const rest = order.slice(count).toSorted();
    return {
      train: this.#select(rest.length, (index) => rest[index] ?? 0),
      validation: this.#select(held.length, (index) => held[index] ?? 0),
    };
  }

  /**
   * Writes the rows into a folder of their own.
   *
   * @param folder Its path; it is made if need be.
   * @throws {DatasetError} If something is in it, it can't be written, or the format can't say what a row is.
   * @throws {ConfigError} If there is no such format.
   */
  async save(folder: string, options: DatasetSaveOptions = {}): Promise<void> {
    const { split, shardRows, ...plan } = this.#plan(options);
    const recipe = { rows: this.length, seqLen: this.seqLen };
    const target = await BuildFolder.create(folder, { ...plan, splits: [split], recipe });
    try {
      for (let index = 0; index < this.length; index++) {
        options.signal?.throwIfAborted();
        await target.add(split, await this.#blocks.read(index));
        if ((index + 1) % shardRows === 0) await target.endShard(split);
      }
      await target.finish();
    } finally {
      await target.discard();
    }
  }

  /**
   * Pushes the rows to a hub, in one commit, as a split of a dataset: the repository is made if need be, its other
   * splits stay, and the rows that the split had are replaced. The files are made in memory; what a folder holds is
   * pushed from there by `DatasetBuilder` with `hfAccountRepo`.
   *
   * @param repo "org/name".
   * @throws {DatasetError} If the repository holds other files, or rows of other lengths, or the hub refuses.
   * @throws {ConfigError} If a name or the format is none.
   */
  async pushToHub(repo: string, options: DatasetPushOptions = {}): Promise<HubPush> {
    return await pushRows({ ...this.#plan(options), blocks: this.#blocks }, repo, options);
  }

  /** What the files of the rows are like. */
  #plan({ split = "train", format = "parquet", vocabSize }: DatasetSaveOptions) {
    readChoice("format", format, Object.keys(ENDINGS));
    readSplit(split);
    const { seqLen } = this;
    return { split, format, seqLen, vocabSize, shardRows: Math.max(1, Math.floor(SHARD_TOKENS / seqLen)) };
  }

  #select(length: number, indexOf: (index: number) => number): Dataset {
    return new Dataset(new SelectedBlocks(this.#blocks, length, indexOf));
  }
}

/**
 * A dataset in memory.
 *
 * @param rows Its rows.
 * @param seqLen Tokens of a row.
 */
export function datasetOf(rows: readonly DatasetRow[], seqLen: number): Dataset {
  return Dataset.of(new MemoryBlocks(rows, seqLen));
}

function asBatch(rows: readonly DatasetRow[]): TokenBatch {
  const width = rows.reduce((longest, { inputIds }) => Math.max(longest, inputIds.length), 0);
  const [inputIds, attentionMask] = [new Int32Array(rows.length * width), new Int32Array(rows.length * width)];
  for (const [i, row] of rows.entries()) {
    inputIds.set(row.inputIds, i * width);
    attentionMask.set(row.attentionMask, i * width);
  }
  return { inputIds, attentionMask, shape: [rows.length, width] };
}

function whole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a whole number >= ${least}`);
}
