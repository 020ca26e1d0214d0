/**
 * The queue that jobs are in: BullMQ on Redis.
 *
 * @module
 */

import { ConfigError, DatasetError } from "../../../errors.ts";
import { messageOf } from "../../files/byte_source.ts";
import { showUrl } from "../../http/show_url.ts";
import type { DatasetJob } from "./job.ts";
import { rangeName, type SourceRange } from "./plan.ts";

/** The package, loaded by those who have jobs. */
export const bullmq = () => import("../packages/bullmq.ts");

/** The name of the queue. */
export const QUEUE = "andromeda-datasets";

/** How often a job is tried that fails for a reason that may pass, and the milliseconds before the second try. */
const [ATTEMPTS, FIRST_PAUSE] = [5, 1000];

/** Seconds that a job is kept that has failed, for those who look into the queue. */
const FAILED_AGE = 24 * 3600;

/** How often it is tried to remove a job that a worker takes at this moment. */
const MOST_TRIES = 10;

/** Milliseconds that Redis may take to answer at first, and between two tries to reach it again, at most. */
const [FIRST_ANSWER, LONGEST_PAUSE] = [10_000, 5000];

/** Tries to reach Redis again before a build gives up: they take about a minute. */
const RETRIES = 20;

/** A connection to Redis. */
type RedisConnection = InstanceType<Awaited<ReturnType<typeof bullmq>>["Redis"]>;

/**
 * Connects to Redis.
 *
 * @param retries Tries to reach it again before what is asked of it fails; null where there is no limit.
 * @param signal When it is aborted, nothing is tried again.
 * @throws {ConfigError} If the URL is none of Redis.
 * @throws {DatasetError} If it can't be reached.
 */
export async function connectRedis(
  url: string,
  retries: number | null,
  signal?: AbortSignal,
): Promise<RedisConnection> {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigError(`Cannot use the URL ${JSON.stringify(showUrl(url))}: Redis has one like redis://host:6379`);
  }
  const { Redis } = await bullmq();
  let isReached = false;
  let fault: unknown;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: FIRST_ANSWER,
    maxRetriesPerRequest: retries,
    retryStrategy: (times) => isReached && !signal?.aborted ? Math.min(200 * times, LONGEST_PAUSE) : null,
  });
  redis.on("error", (error: unknown) => fault = error);
  try {
    await redis.connect();
    await redis.ping();
  } catch (cause) {
    redis.disconnect();
    throw new DatasetError(
      `Cannot reach Redis at ${showUrl(url)}: ${messageOf(fault ?? cause)}; start it, or give its URL`,
      { cause },
    );
  }
  isReached = true;
  return redis;
}

async function openQueue(connection: RedisConnection) {
  const { Queue } = await bullmq();
  const queue = new Queue(QUEUE, { connection });
  // Whoever asks for something is told what went wrong.
  queue.on("error", () => {});
  return queue;
}

/** What has become of a job. "pending": it waits, or a worker has it. "gone": it is done, or nobody knows of it. */
export type JobState = { readonly kind: "pending" | "gone" } | { readonly kind: "failed"; readonly reason: string };

/** The jobs of a build. */
export class JobQueue {
  readonly #url: string;
  readonly #build: string;
  readonly #redis: RedisConnection;
  readonly #queue: Awaited<ReturnType<typeof openQueue>>;

  private constructor(
    url: string,
    build: string,
    redis: RedisConnection,
    queue: Awaited<ReturnType<typeof openQueue>>,
  ) {
    this.#url = url;
    this.#build = build;
    this.#redis = redis;
    this.#queue = queue;
  }

  /**
   * Opens the queue.
   *
   * @param url Of Redis.
   * @param build What tells the build from others.
   */
  static async open(url: string, build: string): Promise<JobQueue> {
    const connection = await connectRedis(url, RETRIES);
    return new JobQueue(url, build, connection, await openQueue(connection));
  }

  /** Adds a job. One that is there already stays, unless it has failed. */
  async add(job: DatasetJob): Promise<void> {
    const jobId = this.#idOf(job.range);
    if ((await this.stateOf(job.range)).kind === "failed") await this.#ask(() => this.#queue.remove(jobId));
    await this.#ask(() =>
      this.#queue.add("tokenize", job, {
        jobId,
        attempts: ATTEMPTS,
        backoff: { type: "exponential", delay: FIRST_PAUSE },
        removeOnComplete: true,
        removeOnFail: { age: FAILED_AGE },
      })
    );
  }

  /** What has become of the job of a range. */
  async stateOf(range: SourceRange): Promise<JobState> {
    const id = this.#idOf(range);
    const state = await this.#ask(() => this.#queue.getJobState(id));
    if (state === "completed" || state === "unknown") return { kind: "gone" };
    if (state !== "failed") return { kind: "pending" };
    const job = await this.#ask(() => this.#queue.getJob(id));
    return job ? { kind: "failed", reason: job.failedReason ?? "no reason is known" } : { kind: "gone" };
  }

  /** How many workers there are. */
  async workers(): Promise<number> {
    return await this.#ask(() => this.#queue.getWorkersCount());
  }

  /** Removes jobs, also those that workers have, and closes the connection. */
  async close(ranges: readonly SourceRange[]): Promise<void> {
    try {
      if (this.#redis.status !== "ready") return;
      for (const range of ranges) await this.#remove(this.#idOf(range));
      await this.#queue.close();
    } catch {
      // Jobs that stay are done, and harm nobody.
    } finally {
      this.#redis.disconnect();
    }
  }

  async #remove(id: string): Promise<void> {
    let isRemoved = false;
    for (let tries = 0; !isRemoved && tries < MOST_TRIES; tries++) {
      // A worker that has the job, and may just have taken it, ends with it when it finds its lock gone.
      await this.#redis.del(this.#queue.toKey(`${id}:lock`));
      isRemoved = await this.#queue.remove(id) === 1;
    }
  }

  #idOf(range: SourceRange): string {
    return `${this.#build}-${rangeName(range)}`;
  }

  /** @throws {DatasetError} If Redis does not answer. */
  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      throw new DatasetError(
        `Cannot build by jobs: Redis at ${showUrl(this.#url)} gives no answer (${messageOf(cause)})`,
        {
          cause,
        },
      );
    }
  }
}
