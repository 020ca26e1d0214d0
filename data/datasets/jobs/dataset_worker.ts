/**
 * A worker: it takes jobs of builds, reads its part of the source, and leaves the documents where the build finds them.
 *
 * @module
 */

import { ConfigError, DatasetError, TokenizerError, WeightsError } from "../../../errors.ts";
import { processors } from "../../../host/processors.ts";
import { messageOf } from "../../files/byte_source.ts";
import { anyOf, NoAnswer } from "../../http/http.ts";
import { hashOf } from "../../hub/checksum.ts";
import type { HubOptions } from "../../hub/hub_options.ts";
import { AndromedaTokenizer } from "../../text/tokenizer.ts";
import { CONFIG_FILE, TOKENIZER_FILE } from "../../text/tokenizer_files.ts";
import { documentsOf } from "../documents.ts";
import { openTextSource } from "../sources/source.ts";
import type { TextSource } from "../sources/text_source.ts";
import { TokenizerPool } from "../tokenizing/tokenizer_pool.ts";
import { type DatasetJob, type JobRecord, pieceName, readRecord, recordName, RELEASE } from "./job.ts";
import { PieceWriter } from "./piece.ts";
import { rowsWithin } from "./plan.ts";
import { bullmq, connectRedis, QUEUE } from "./queue.ts";
import { openStorage } from "./open_storage.ts";
import type { JobStorage } from "./storage.ts";

/**
 * What a worker has done since it was started.
 *
 * @category Data
 */
export interface DatasetWorkerProgress {
  /** Jobs that are done. */
  readonly jobs: number;
  /** Documents that it has made. */
  readonly documents: number;
  /** Tokens of these. */
  readonly tokens: number;
}

/**
 * Options of `runDatasetWorker`.
 *
 * @category Data
 */
export interface DatasetWorkerOptions {
  /** The URL of Redis, such as redis://host:6379. */
  readonly redis: string;
  /** Threads that tokenize, at most. Default: the processors of the host. */
  readonly numCpu?: number | undefined;
  /** Milliseconds after which another worker takes the job of one that is gone. Default 30,000. */
  readonly lostAfter?: number | undefined;
  /** How files of a hub are fetched; the build says of which hub. */
  readonly hub?: Omit<HubOptions, "host" | "signal" | "errorClass"> | undefined;
  /** Is told what was done, after each job. */
  readonly onProgress?: ((progress: DatasetWorkerProgress) => void) | undefined;
  /** Ends the worker. A job that it has is left to others. */
  readonly signal?: AbortSignal | undefined;
}

/** How many workers in turn may be lost with a job before it fails: it may be what ends them. */
const MOST_LOST = 5;

/** Tokens of a piece, from which on another one is begun. */
const PIECE_TOKENS = 1 << 22;

/**
 * Takes jobs of `buildByJobs` and does them, until it is told to end.
 *
 * @throws {ConfigError} If the URL is none of Redis, or a number is out of its range.
 * @throws {DatasetError} If Redis can't be reached at first. Later it is waited for.
 *
 * @category Data
 */
export async function runDatasetWorker(options: DatasetWorkerOptions): Promise<void> {
  const { redis, lostAfter = 30_000, signal, onProgress } = options;
  checkNumbers(options);
  signal?.throwIfAborted();
  const { UnrecoverableError, WaitingError, Worker } = await bullmq();
  const connection = await connectRedis(redis, null, signal);
  const jobs = new JobHands(options);
  let done: DatasetWorkerProgress = { jobs: 0, documents: 0, tokens: 0 };
  const worker = new Worker<DatasetJob>(QUEUE, async (job, token, lost) => {
    try {
      const { documents, tokens } = await jobs.carryOut(job.data, lost ? anyOf(signal, lost) : signal);
      done = { jobs: done.jobs + 1, documents: done.documents + documents, tokens: done.tokens + tokens };
      onProgress?.(done);
    } catch (error) {
      if (signal?.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      throw isFinal(error) ? new UnrecoverableError(messageOf(error)) : error;
    }
  }, { connection, lockDuration: lostAfter, stalledInterval: lostAfter / 2, maxStalledCount: MOST_LOST });
  // The worker goes on by itself when Redis answers again.
  worker.on("error", () => {});
  // Another worker has these by now, or their build has ended.
  worker.on("lockRenewalFailed", (ids) => ids.forEach((id) => worker.cancelJob(id)));
  try {
    await aborted(signal);
    // Without Redis there is nothing to hand back, and nothing that would answer.
    await worker.close(connection.status !== "ready");
  } finally {
    jobs.dispose();
    connection.disconnect();
  }
}

/** @throws {ConfigError} For a number that is out of its range. */
function checkNumbers(options: DatasetWorkerOptions): void {
  for (const [name, least] of [["numCpu", 1], ["lostAfter", 100]] as const) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new ConfigError(`Cannot use ${name} = ${value}: it must be a whole number >= ${least}`);
  }
}

/** What a build needs of a worker, kept from one of its jobs to the next. */
interface Tools {
  readonly build: string;
  readonly storage: JobStorage;
  readonly source: TextSource;
  readonly tokenizer: AndromedaTokenizer;
  /** Threads that have read it; nothing where the host starts none, or one is enough. */
  readonly pool: TokenizerPool | undefined;
}

/** Does jobs. */
class JobHands {
  readonly #options: DatasetWorkerOptions;
  #tools: Tools | undefined;

  constructor(options: DatasetWorkerOptions) {
    this.#options = options;
  }

  /**
   * Does a job, unless it is done.
   *
   * @param signal Ends it.
   * @throws {DatasetError} If it can't be done here.
   */
  async carryOut(job: DatasetJob, signal: AbortSignal | undefined): Promise<JobRecord> {
    if (job.release !== RELEASE) {
      throw new DatasetError(
        `Cannot tokenize for a build of release ${job.release}: this worker is of ${RELEASE}; start workers of that one`,
      );
    }
    try {
      return await this.#tokenize(job, await this.#toolsFor(job), signal);
    } catch (error) {
      // A thread may be what failed.
      this.dispose();
      throw error;
    }
  }

  /** Ends the threads. */
  dispose(): void {
    this.#tools?.pool?.dispose(new DatasetError("Cannot tokenize more: the job has ended"));
    this.#tools = undefined;
  }

  async #tokenize(
    job: DatasetJob,
    { storage, source, tokenizer, pool }: Tools,
    signal: AbortSignal | undefined,
  ): Promise<JobRecord> {
    const { range, onBadRow, endToken, dedupe } = job;
    const name = recordName(range);
    const before = await storage.get(name);
    if (before) return readRecord(before, name);
    let [pieces, documents, tokens, skipped, bytes] = [0, 0, 0, 0, 0];
    const writer = new PieceWriter(dedupe);
    const write = async () => await storage.put(pieceName(range, pieces++), writer.take());
    const made = documentsOf(rowsWithin(source, range), { ...range.from, tokens: 0 }, {
      ...{ tokenizer, endToken, onBadRow, numCpu: 1, pool },
      onSkip: () => void (skipped += 1),
      read: { read: (_, count) => void (bytes += count), finish: () => {} },
      signal,
    });
    for await (const document of made) {
      await writer.add({ document, skipped });
      documents += 1;
      tokens += document.tokens.length;
      skipped = 0;
      if (writer.tokens >= PIECE_TOKENS) await write();
    }
    if (writer.documents > 0) await write();
    const record: JobRecord = { pieces, documents, tokens, skipped, bytes };
    await storage.put(name, new TextEncoder().encode(JSON.stringify(record)));
    return record;
  }

  async #toolsFor(job: DatasetJob): Promise<Tools> {
    const { build, parts, dataset, source: found, host, endToken, files, lastFile, range: { to } } = job;
    if (this.#tools?.build !== build) {
      this.dispose();
      const { hub, signal, numCpu = processors() } = this.#options;
      const storage = openStorage(parts, build);
      const [tokenizer, source] = await Promise.all([
        loadTokenizer(storage, job.tokenizer),
        openTextSource(dataset, { ...optionsOf(found), hub: { ...hub, host }, signal }),
      ]);
      const pool = numCpu > 1 ? await TokenizerPool.start(tokenizer, endToken, numCpu) : undefined;
      this.#tools = { build, storage, source, tokenizer, pool };
    }
    const { source } = this.#tools;
    const last = source.files[to.row > 0 ? to.file : to.file - 1]?.name ?? "";
    if (source.files.length === files && nameOf(last) === nameOf(lastFile)) return this.#tools;
    throw new DatasetError(
      `Cannot read ${dataset} for a build: this machine sees other files than the one that builds, ` +
        `${source.files.length} where that has ${files}; give all machines the same`,
    );
  }
}

/** Options that came as JSON, which lacks those that are not set. */
function optionsOf({ textColumn, isLinePerDocument, split, config, revision, commit }: DatasetJob["source"]) {
  return { textColumn, isLinePerDocument, split, config, revision, commit };
}

/** The last part of a path: a single file has its whole path, which another machine may write otherwise. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** @throws {DatasetError} If it is not there, or another. */
async function loadTokenizer(storage: JobStorage, hash: string): Promise<AndromedaTokenizer> {
  const [tokenizer, config] = await Promise.all([storage.get(TOKENIZER_FILE), storage.get(CONFIG_FILE)]);
  if (!tokenizer || !config) {
    throw new DatasetError(
      `Cannot find the tokenizer in ${storage.name}: this machine does not see what the build has written; ` +
        "name as parts what all machines see by the same path, or s3://bucket/prefix",
    );
  }
  const found = await hashOf(tokenizer);
  if (found === hash) return await AndromedaTokenizer.load({ tokenizer, config });
  throw new DatasetError(
    `Cannot use the tokenizer in ${storage.name}: its SHA-256 is ${found}, and the build has one with ${hash}`,
  );
}

/** Whether a fault stays however often a job is tried. Where a server gave no answer, another try may help. */
function isFinal(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof NoAnswer) return false;
  return [ConfigError, DatasetError, TokenizerError, WeightsError].some((own) => error instanceof own);
}

async function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
}
