/**
 * Builds a dataset of documents that workers make, on any number of machines.
 *
 * What takes long is to make tokens of texts, and that goes by parts of the source, in any order. Where rows and shards
 * begin depends on all texts before, so that is computed here, of the parts in their order: the dataset has the same
 * bytes as one that is built by one process.
 *
 * @module
 */

import { ConfigError, DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { placeOf } from "../../files/place.ts";
import { showUrl } from "../../http/show_url.ts";
import { hashOf } from "../../hub/checksum.ts";
import { AndromedaTokenizer } from "../../text/tokenizer.ts";
import { CONFIG_FILE, TOKENIZER_FILE } from "../../text/tokenizer_files.ts";
import { sizesOf } from "../build_progress.ts";
import { type BuilderSettings, type DatasetBuilderOptions, readBuilderOptions } from "../builder_options.ts";
import type { Dataset } from "../dataset.ts";
import type { TokenDocument } from "../documents.ts";
import { buildAndPush, type BuildOptions, type DocumentWork, runBuild } from "../run_build.ts";
import { type BuildJobs, type JobRecord, pieceName, readRecord, recordName, RELEASE } from "./job.ts";
import { failureOf } from "./job_failure.ts";
import { isWhole, readPiece } from "./piece.ts";
import { isFrom, planRanges, type SourceRange } from "./plan.ts";
import { JobQueue } from "./queue.ts";
import { isS3, openStorage } from "./open_storage.ts";
import { s3Storage } from "./s3_storage.ts";
import type { JobStorage } from "./storage.ts";
import { uploadFolder } from "./upload_folder.ts";

/**
 * Options of `buildByJobs`.
 *
 * @category Data
 */
export interface JobOptions extends BuildOptions {
  /** The URL of Redis, such as redis://host:6379. */
  readonly redis: string;
  /**
   * Where workers leave what they made until it is in a shard: a folder that all machines see by this path, or
   * s3://bucket/prefix. The environment variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, for other
   * storage than Amazon's, AWS_ENDPOINT_URL say how that is reached. Default: beside `output`, with "-parts" behind its
   * name.
   */
  readonly parts?: string | undefined;
  /** Where the finished dataset is copied to: s3://bucket/prefix, where it takes the place of one that is there. */
  readonly upload?: string | undefined;
  /** Bytes of the source that a job takes, about. Default 2^25. */
  readonly jobBytes?: number | undefined;
  /** Milliseconds without any worker and any job that ends, after which the build gives up. Default 600,000. */
  readonly patience?: number | undefined;
  /** Is told how many workers there are, whenever that changes. */
  readonly onWorkers?: ((workers: number) => void) | undefined;
}

/** Jobs that are in the queue at once: so many, and for each worker so many. */
const [JOBS, JOBS_PER_WORKER] = [64, 4];

/** Milliseconds between two looks at a job, and between two counts of the workers. */
const [LOOK_EVERY, COUNT_EVERY] = [100, 1000];

/** How often a job is added again of which nobody knows and nothing came. */
const MOST_LOSSES = 3;

/**
 * Builds a dataset as `DatasetBuilder` does, to the same bytes, with texts tokenized by workers: `runDatasetWorker`, or
 * `andromeda dataset --worker`, on any number of machines. All of them must see the source and `parts`. A build that
 * was stopped goes on when it is called again.
 *
 * @param options Those of `DatasetBuilder`, with `output`; the source must be a path, a URL or a name on a hub.
 * @returns The dataset.
 * @throws {ConfigError} If an option is out of its range, or can't be used with jobs.
 * @throws {DatasetError} If Redis can't be reached, no worker comes, or one says why a job can't be done.
 *
 * @category Data
 */
export async function buildByJobs(options: DatasetBuilderOptions, jobs: JobOptions): Promise<Dataset> {
  const settings = readBuilderOptions(options);
  checkOptions(settings, jobs);
  const { tokenizer, hub } = settings;
  const load = () =>
    tokenizer instanceof AndromedaTokenizer ? Promise.resolve(tokenizer) : AndromedaTokenizer.load(tokenizer, hub);
  return await buildAndPush(settings, jobs, async () => {
    let storage: JobStorage | undefined;
    const dataset = await runBuild(settings, load, jobs, async function* (work) {
      const build = await JobBuild.begin(settings, jobs, work);
      storage = build.storage;
      yield* build.documents();
    });
    // Only now nothing of it is needed any more.
    await storage?.clear();
    const { upload, signal, onPush: onProgress } = jobs;
    if (upload !== undefined) await uploadFolder(settings.output ?? "", upload, { signal, onProgress });
    return dataset;
  });
}

/** @throws {ConfigError} For options that jobs can't have. */
function checkOptions({ output, datasetName }: BuilderSettings, jobs: JobOptions): void {
  if (jobs.upload !== undefined) s3Storage(jobs.upload);
  if (output === undefined) {
    throw new ConfigError("Cannot build by jobs without output: rows go into a folder, from which a build goes on");
  }
  if (typeof datasetName !== "string" && !(datasetName instanceof URL)) {
    throw new ConfigError("Cannot build by jobs of texts at hand: workers read them, by a path, a URL or a name");
  }
  for (const name of ["jobBytes", "patience"] as const) {
    const value = jobs[name];
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new ConfigError(`Cannot use ${name} = ${value}: it must be a whole number above 0`);
  }
}

/** A build by jobs that is under way. */
class JobBuild {
  /** Where workers leave what they made. */
  readonly storage: JobStorage;
  readonly #options: JobOptions;
  readonly #work: DocumentWork;
  readonly #jobs: BuildJobs;
  readonly #queue: JobQueue;
  readonly #plan: AsyncGenerator<SourceRange>;
  #workers = -1;
  /** When workers were counted last, and when there was one or a job ended. */
  #counted = 0;
  #lastLife = performance.now();

  private constructor(
    options: JobOptions,
    work: DocumentWork,
    jobs: BuildJobs,
    storage: JobStorage,
    queue: JobQueue,
    plan: AsyncGenerator<SourceRange>,
  ) {
    this.#options = options;
    this.#work = work;
    this.#jobs = jobs;
    this.storage = storage;
    this.#queue = queue;
    this.#plan = plan;
  }

  /** Leaves the tokenizer where workers find it, and opens the queue. */
  static async begin(settings: BuilderSettings, options: JobOptions, work: DocumentWork): Promise<JobBuild> {
    const { resolve } = nodeModule("node:path");
    const { source, options: { tokenizer, endToken }, from } = work;
    const { textColumn, linePerDocument, split, config, revision, onBadRow, dedupe, hub } = settings;
    const { redis, jobBytes = 1 << 25 } = options;
    const output = resolve(settings.output ?? "");
    const place = options.parts ?? `${output}-parts`;
    const parts = isS3(place) ? place : resolve(place);
    const sizes = await sizesOf(source);
    const recipe = await work.recipe();
    const files = tokenizer.files();
    const tokens = new TextDecoder().decode(files.get(CONFIG_FILE));
    const identity = JSON.stringify({ release: RELEASE, output, recipe, tokens, sizes, jobBytes, onBadRow });
    const build = (await hashOf(new TextEncoder().encode(identity))).slice(0, 16);
    const storage = openStorage(parts, build);
    const jobs: BuildJobs = {
      ...{ release: RELEASE, build, parts, endToken, onBadRow, dedupe },
      dataset: await anywhere(settings),
      source: { textColumn, isLinePerDocument: linePerDocument, split, config, revision, commit: source.commit },
      host: hub.host,
      tokenizer: String(recipe["tokenizer"]),
    };
    const plan = planRanges(source, sizes, jobBytes, from.file);
    const queue = await JobQueue.open(redis, build);
    try {
      for (const name of [TOKENIZER_FILE, CONFIG_FILE]) await storage.put(name, Uint8Array.from(files.get(name) ?? []));
    } catch (error) {
      await queue.close([]);
      throw error;
    }
    return new JobBuild(options, work, jobs, storage, queue, plan);
  }

  /** The documents that workers make, in their order. */
  async *documents(): AsyncGenerator<TokenDocument> {
    /** Those that are asked for, and those whose documents are in no finished shard. */
    const [asked, taken]: [SourceRange[], { readonly range: SourceRange; readonly record: JobRecord }[]] = [[], []];
    try {
      for (;;) {
        await this.#ask(asked);
        const [range] = asked;
        if (!range) return;
        const record = await this.#recordOf(range);
        yield* this.#documentsIn(range, record);
        asked.shift();
        taken.push({ range, record });
        const kept = this.#work.kept();
        while (taken[0] && isFrom(kept, taken[0].range.to)) await this.#remove(taken.shift());
      }
    } finally {
      await this.#plan.return(undefined);
      await this.#queue.close(asked);
    }
  }

  /** Asks for further ranges, as many as workers will soon have time for. */
  async #ask(asked: SourceRange[]): Promise<void> {
    const { from, options: { signal } } = this.#work;
    while (asked.length < Math.max(JOBS, JOBS_PER_WORKER * this.#workers)) {
      signal?.throwIfAborted();
      const { done, value: range } = await this.#plan.next();
      if (done) return;
      if (isFrom(from, range.to)) continue;
      asked.push(range);
      // What an earlier call has asked for may be there.
      if (await this.storage.get(recordName(range)) === undefined) await this.#add(range);
    }
  }

  async #add(range: SourceRange): Promise<void> {
    const { files } = this.#work.source;
    const lastFile = files[range.to.row > 0 ? range.to.file : range.to.file - 1]?.name ?? "";
    await this.#queue.add({ ...this.#jobs, range, files: files.length, lastFile });
  }

  /**
   * Waits for what a worker says at the end of a job.
   *
   * @throws {DatasetError} If it has failed, or no worker comes.
   */
  async #recordOf(range: SourceRange): Promise<JobRecord> {
    const { signal } = this.#work.options;
    const name = recordName(range);
    for (let losses = 0;; await pause(LOOK_EVERY, signal)) {
      signal?.throwIfAborted();
      const state = await this.#queue.stateOf(range);
      if (state.kind === "pending") {
        await this.#count();
        continue;
      }
      const bytes = await this.storage.get(name);
      this.#lastLife = performance.now();
      if (bytes) return readRecord(bytes, `${name} in ${this.storage.name}`);
      if (state.kind === "failed") throw failureOf(state.reason);
      losses += 1;
      if (losses > MOST_LOSSES) {
        throw new DatasetError(
          `Cannot find ${name} in ${this.storage.name}: a worker has left it elsewhere; give all machines one place`,
        );
      }
      await this.#add(range);
    }
  }

  /** @throws {DatasetError} If there has been no worker for too long. */
  async #count(): Promise<void> {
    const { onWorkers, patience = 600_000, redis } = this.#options;
    const now = performance.now();
    if (now - this.#counted < COUNT_EVERY) return;
    this.#counted = now;
    const workers = await this.#queue.workers();
    if (workers !== this.#workers) onWorkers?.(workers);
    this.#workers = workers;
    if (workers > 0) this.#lastLife = now;
    if (now - this.#lastLife < patience) return;
    const seconds = Math.round(patience / 1000);
    throw new DatasetError(
      `Cannot build by jobs: no worker has come to ${showUrl(redis)} for ${seconds} s; start some, by ` +
        "andromeda dataset --worker with that URL",
    );
  }

  async *#documentsIn(range: SourceRange, { pieces, skipped, bytes }: JobRecord): AsyncGenerator<TokenDocument> {
    const { from, options: { onSkip, read, signal } } = this.#work;
    const skip = (count: number) => {
      for (let i = 0; i < count; i++) onSkip();
    };
    let file = Math.max(range.from.file, from.file);
    for (let piece = 0; piece < pieces; piece++) {
      const name = `${pieceName(range, piece)} in ${this.storage.name}`;
      const content = await this.storage.get(pieceName(range, piece));
      if (!content || !isWhole(content)) {
        await this.storage.remove([recordName(range)]);
        throw new DatasetError(
          `Cannot read ${name}: it is gone or damaged; start the build again, to have it made anew`,
        );
      }
      for (const { document, skipped } of readPiece(content, name)) {
        signal?.throwIfAborted();
        const { place } = document;
        for (; file < place.file; file++) read.finish(file);
        if (!isFrom(place, from)) continue;
        // What was skipped before the row that a build goes on with was counted then.
        if (isFrom(from, place)) yield { ...document, place: from, tokens: document.tokens.subarray(from.tokens) };
        else {
          skip(skipped);
          yield document;
        }
      }
    }
    skip(skipped);
    for (; file < range.to.file; file++) read.finish(file);
    if (range.to.row > 0) read.read(file, bytes);
  }

  async #remove(taken: { readonly range: SourceRange; readonly record: JobRecord } | undefined): Promise<void> {
    if (!taken) return;
    const { range, record } = taken;
    const pieces = Array.from({ length: record.pieces }, (_, piece) => pieceName(range, piece));
    await this.storage.remove([recordName(range), ...pieces]);
  }
}

/** A source as any machine finds it: with the whole path, where it is one. */
async function anywhere({ datasetName }: BuilderSettings): Promise<string> {
  if (typeof datasetName !== "string" && !(datasetName instanceof URL)) return "";
  const place = await placeOf(datasetName, DatasetError);
  if (place.kind === "hub") return String(datasetName);
  const { resolve } = nodeModule("node:path");
  return place.kind === "url" ? place.url.href : resolve(place.path);
}

/** @throws The signal's reason, when it is aborted. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
