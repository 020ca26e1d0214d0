/** Builds by jobs on a Redis of this machine: the bytes of one process, whatever dies. About 20 s. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { buildByJobs, type JobOptions, runDatasetWorker } from "../../data/datasets/jobs/mod.ts";
import { ConfigError, DatasetBuilder, type DatasetBuilderOptions, DatasetError } from "../../mod.ts";
import { QUEUE } from "../../data/datasets/jobs/queue.ts";
import { Queue, QueueEvents } from "npm:bullmq@6.7.0";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import S3rver from "npm:@20minutes/s3rver@5.0.0";
import { s3Storage } from "../../data/datasets/jobs/s3_storage.ts";
import { start } from "../cli/andromeda.ts";
import { ROOT } from "../support/deno.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import { contentsOf, gzipped, withFiles } from "./folders.ts";

const TOKENIZER = fromFileUrl(new URL("examples/shakespeare", ROOT));

/** Lines of texts of many lengths, some of them twice, and rows without a text. */
function lines(count: number, first: number): string {
  const texts = Array.from({ length: count }, (_, i) => {
    const text = `${(first + i) % 1500} What light through yonder window breaks? `.repeat(1 + i % 40);
    return i % 97 === 0 ? '{"words": 3}' : JSON.stringify({ text });
  });
  return `${texts.join("\n")}\n`;
}

/** Files of all kinds that are parted in their own ways: large and small, compressed, empty, of rows and of texts. */
const FILES = {
  "in/a.jsonl": lines(2500, 0),
  "in/b.jsonl": "",
  "in/c.jsonl.gz": await gzipped(lines(400, 900)),
  "in/d.md": "But soft, what light?",
  "in/e.txt": "It is the east.",
  "in/f.jsonl": lines(900, 1000),
  "in/g.parquet": new Uint8Array(parquetWriteBuffer({
    columnData: [{
      name: "text",
      data: Array.from({ length: 800 }, (_, i) => `${i} Arise, fair sun `.repeat(1 + i % 30)),
    }],
    codec: "UNCOMPRESSED",
    rowGroupSize: 50,
  })),
};

const OPTIONS = {
  ...{ tokenizer: TOKENIZER, seqLen: 64, shardTokens: 1 << 15, onBadRow: "skip", numCpu: 1 },
  ...{ packing: "bestFit", shuffle: true, validation: 0.1, dedupe: "near", dedupeThreshold: 0.98, maxTokens: 700 },
} satisfies Partial<DatasetBuilderOptions>;

/** Bytes of a job: about forty of them. */
const JOB_BYTES = 1 << 16;

function redisTest(name: string, fn: (redis: string) => Promise<void>): void {
  Deno.test({
    name: name + (hasRedis ? "" : " (needs redis-server)"),
    ignore: !hasRedis,
    fn: async () => {
      await using server = await startRedis();
      await fn(server.url);
    },
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Starts a worker by the command line, as on another machine. */
function startWorker(redis: string): Deno.ChildProcess {
  return start("dataset", "--worker", redis, "--num-cpu", "1", "--lost-after", "1", "--json");
}

/** Ends a worker, and gives what it says of itself. */
async function endWorker(worker: Deno.ChildProcess): Promise<{ readonly jobs: number; readonly documents: number }> {
  worker.kill("SIGTERM");
  const { code, stdout, stderr } = await worker.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Runs something with a worker in this process. */
async function withWorker(redis: string, use: () => Promise<void>): Promise<void> {
  const end = new AbortController();
  const worker = runDatasetWorker({ redis, numCpu: 2, signal: end.signal });
  try {
    await use();
  } finally {
    end.abort();
    await worker;
  }
}

/** What happens to jobs of a queue. */
class Watch implements AsyncDisposable {
  /** The ids of jobs that were finished, and of those whose worker was lost. */
  readonly finished: string[] = [];
  readonly lost: string[] = [];
  readonly #queue: Queue;
  readonly #events: QueueEvents;

  private constructor(queue: Queue, events: QueueEvents) {
    this.#queue = queue;
    this.#events = events;
    events.on("completed", ({ jobId }) => this.finished.push(jobId));
    events.on("stalled", ({ jobId }) => this.lost.push(jobId));
  }

  static async start(redis: string): Promise<Watch> {
    const { hostname: host, port } = new URL(redis);
    const options = { connection: { host, port: Number(port) } };
    const watch = new Watch(new Queue(QUEUE, options), new QueueEvents(QUEUE, options));
    await watch.#events.waitUntilReady();
    return watch;
  }

  /** Jobs that workers have. */
  async active(): Promise<(string | undefined)[]> {
    return (await this.#queue.getActive()).map(({ id }) => id);
  }

  /** Jobs that are there, whatever their state. */
  async jobs(): Promise<number> {
    return Object.values(await this.#queue.getJobCounts()).reduce((sum, count) => sum + count, 0);
  }

  async add(job: object): Promise<void> {
    await this.#queue.add("tokenize", job, { jobId: "by-hand" });
  }

  async failureByHand(): Promise<string | undefined> {
    for (;;) {
      const job = await this.#queue.getJob("by-hand");
      if (await job?.isFailed()) return job?.failedReason;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close();
    await this.#queue.close();
  }
}

redisTest("three workers of which one is killed make the bytes of one process, and each part once", async (redis) => {
  await withFiles(FILES, async (folder) => {
    await using watch = await Watch.start(redis);
    const options = { ...OPTIONS, datasetName: `${folder}/in` };
    await new DatasetBuilder({ ...options, output: `${folder}/one` }).buildDataset();
    const expected = await contentsOf(`${folder}/one`);
    assert(expected.size > 20, `${expected.size} files`);
    const [killed, paused, steady] = [startWorker(redis), startWorker(redis), startWorker(redis)];
    const building = buildByJobs({ ...options, output: `${folder}/many` }, {
      ...{ redis, parts: `${folder}/parts`, jobBytes: JOB_BYTES },
    });
    // A worker that is stopped while all have a job holds one until it is killed, or counts as lost.
    while ((await watch.active()).length < 3) await pause(5);
    killed.kill("SIGSTOP");
    paused.kill("SIGSTOP");
    await pause(200);
    assert((await watch.active()).length >= 2);
    killed.kill("SIGKILL");
    while (watch.lost.length < 2) await pause(50);
    paused.kill("SIGCONT");
    await building;
    assertEquals((await killed.output()).signal, "SIGKILL");
    const [, { jobs }] = await Promise.all([endWorker(paused), endWorker(steady)]);
    assert(jobs > 0);
    assertEquals(await contentsOf(`${folder}/many`), expected);
    assert(watch.finished.length > 20, `${watch.finished.length} jobs`);
    // Small files are read together, large ones in parts: index of the file and row, on both sides.
    const parts = watch.finished.map((id) => id.slice(id.indexOf("-") + 1));
    assert(parts.includes("1.0-5.0") && parts.includes("6.250-6.500"), parts.join(", "));
    assertEquals(new Set(watch.finished).size, watch.finished.length);
    assertEquals([await watch.jobs(), (await Array.fromAsync(Deno.readDir(folder))).length], [0, 3]);
  });
});

redisTest("a build that is killed or aborted goes on with the parts that are there", async (redis) => {
  await withFiles(FILES, async (folder) => {
    await using watch = await Watch.start(redis);
    const { tokenizer: _, ...rest } = OPTIONS;
    const options = { ...rest, datasetName: `${folder}/in` };
    await new DatasetBuilder({ ...OPTIONS, ...options, output: `${folder}/one` }).buildDataset();
    const jobs = { redis, parts: `${folder}/parts`, jobBytes: JOB_BYTES };
    await withWorker(redis, async () => {
      for (let kills = 0; kills < 3; kills++) {
        const build = new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "-A", "--no-check", fromFileUrl(new URL("build.ts", import.meta.url))],
            ...[`${folder}/in`, `${folder}/many`, JSON.stringify(rest), JSON.stringify(jobs)],
          ],
          cwd: fromFileUrl(ROOT),
          stdout: "null",
        }).spawn();
        const before = watch.finished.length;
        while (watch.finished.length < before + 6) await pause(5);
        build.kill("SIGKILL");
        await build.status;
      }
      const end = new AbortController();
      const building = buildByJobs({ ...OPTIONS, ...options, output: `${folder}/many` }, {
        ...{ ...jobs, signal: end.signal },
        onProgress: () => end.abort(),
      });
      assertEquals(await building.catch((error) => error), end.signal.reason);
      assertEquals(await watch.jobs(), 0);
      await buildByJobs({ ...OPTIONS, ...options, output: `${folder}/many` }, jobs);
    });
    assertEquals(await contentsOf(`${folder}/many`), await contentsOf(`${folder}/one`));
    assertEquals(await watch.jobs(), 0);
    // What a killed build had asked for was made once, but for the parts that were removed as they were in shards.
    assertEquals(new Set(watch.finished).size, watch.finished.length);
  });
});

redisTest("workers that are told to end leave their jobs to others", async (redis) => {
  await withFiles(FILES, async (folder) => {
    await using watch = await Watch.start(redis);
    const options = { ...OPTIONS, datasetName: `${folder}/in` };
    await new DatasetBuilder({ ...options, output: `${folder}/one` }).buildDataset();
    let isBuilt = false;
    const building = buildByJobs({ ...options, output: `${folder}/many` }, { redis, jobBytes: 1 << 18 })
      .finally(() => isBuilt = true);
    let workers = 0;
    for (; !isBuilt; workers++) {
      const end = new AbortController();
      const worker = runDatasetWorker({ redis, numCpu: 1, signal: end.signal });
      const before = watch.finished.length;
      while (!isBuilt && watch.finished.length === before) await pause(1);
      end.abort();
      await worker;
    }
    await building;
    assertEquals(await contentsOf(`${folder}/many`), await contentsOf(`${folder}/one`));
    assert(workers > 5, `${workers} workers`);
    assertEquals([watch.lost, new Set(watch.finished).size], [[], watch.finished.length]);
  });
});

/** Runs something with storage of the protocol of S3, whose keys the environment has meanwhile. */
async function withStorage(use: (folder: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "andromeda_s3_" });
  const server = new S3rver({
    ...{ address: "127.0.0.1", port: 0, directory, silent: true },
    configureBuckets: [{ name: "shared", configs: [] }],
  });
  const { port } = await server.run();
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"];
  Deno.env.set("AWS_ENDPOINT_URL", `http://127.0.0.1:${port}`);
  for (const name of names.slice(0, 2)) Deno.env.set(name, "S3RVER");
  try {
    await use(`${directory}/shared`);
  } finally {
    for (const name of names) Deno.env.delete(name);
    // Without it, connections that are kept for further requests hold the server up for minutes.
    server.httpServer.closeAllConnections();
    await server.close();
    await Deno.remove(directory, { recursive: true });
  }
}

redisTest("parts are left in S3-compatible storage, and removed from it", async (redis) => {
  await withFiles(FILES, async (folder) => {
    const options = { ...OPTIONS, datasetName: `${folder}/in` };
    await new DatasetBuilder({ ...options, output: `${folder}/one` }).buildDataset();
    const upload = "s3://shared/done/blocks";
    const jobs = { redis, parts: "s3://shared/a & b/parts/", upload, jobBytes: JOB_BYTES };
    await withStorage(async (stored) => {
      let most = 0;
      await withWorker(redis, async () => {
        await buildByJobs({ ...options, output: `${folder}/many` }, {
          ...jobs,
          onProgress: () => most = Math.max(most, Array.from(Deno.readDirSync(`${stored}/a & b/parts`)).length),
        });
      });
      assertEquals(await contentsOf(`${folder}/many`), await contentsOf(`${folder}/one`));
      assertEquals(most, 1);
      await assertRejects(() => Deno.stat(`${stored}/a & b`), Deno.errors.NotFound);
      const uploaded = async (path: string) => String(await s3Storage(upload).get(path));
      for (const [path, content] of await contentsOf(`${folder}/many`)) {
        assertEquals(await uploaded(path), content, path);
      }
      const { size } = await contentsOf(`${stored}/done`);
      // A shorter one takes its place, with fewer shards.
      await withWorker(redis, async () => {
        const shorter = { ...options, datasetName: `${folder}/in/c.jsonl.gz`, output: `${folder}/short` };
        await buildByJobs(shorter, jobs);
      });
      const short = await contentsOf(`${folder}/short`);
      for (const [path, content] of short) assertEquals(await uploaded(path), content, path);
      assert(size > (await contentsOf(`${stored}/done`)).size, `${size} files`);

      const failing = (parts: string) => buildByJobs({ ...options, output: `${folder}/none` }, { ...jobs, parts });
      await assertRejects(() => failing("s3://other/parts"), DatasetError, "it answered 404 NoSuchBucket");
      await assertRejects(() => failing("s3:///parts"), ConfigError, "s3://bucket/prefix");
      const misplaced = buildByJobs({ ...options, output: `${folder}/none` }, { ...jobs, upload: "blocks" });
      await assertRejects(() => misplaced, ConfigError, 'Cannot use "blocks"');
      Deno.env.set("AWS_SECRET_ACCESS_KEY", "wrong");
      await assertRejects(() => failing("s3://shared/parts"), DatasetError, "it answered 403 SignatureDoesNotMatch");
      Deno.env.delete("AWS_SECRET_ACCESS_KEY");
      await assertRejects(() => failing("s3://shared/parts"), ConfigError, "AWS_SECRET_ACCESS_KEY; set them");
    });
  });
});

redisTest("what a worker can't do ends the build with the worker's words, and leaves no job behind", async (redis) => {
  await withFiles(FILES, async (folder) => {
    await using watch = await Watch.start(redis);
    const options = { ...OPTIONS, datasetName: `${folder}/in`, output: `${folder}/many` };
    /** What a build says that meets a worker when something has been done to its files. */
    const failure = async (spoil: () => Promise<void>, changes: Partial<DatasetBuilderOptions> = {}) => {
      const building = buildByJobs({ ...options, ...changes }, {
        redis,
        parts: `${folder}/parts`,
        jobBytes: JOB_BYTES,
      });
      building.catch(() => {});
      for (let count = 0; count === 0 || count < await watch.jobs(); await pause(100)) count = await watch.jobs();
      await spoil();
      let message = "";
      await withWorker(redis, async () => {
        message = (await assertRejects(() => building, DatasetError)).message;
      });
      assertEquals(await watch.jobs(), 0);
      return message;
    };
    const build = await failure(() => Promise.resolve(), { onBadRow: "error" });
    const alone = new DatasetBuilder({ ...options, output: `${folder}/one`, onBadRow: "error" });
    assertEquals(build, (await assertRejects(() => alone.buildDataset(), DatasetError)).message);

    const inParts = async (use: (path: string) => Promise<void>) => {
      for await (const { name } of Deno.readDir(`${folder}/parts`)) await use(`${folder}/parts/${name}/tokenizer.json`);
    };
    const other = '{"model": {"type": "BPE"}}';
    assertStringIncludes(await failure(() => inParts((path) => Deno.writeTextFile(path, other))), "its SHA-256 is");
    assertStringIncludes(await failure(() => inParts((path) => Deno.remove(path))), "Cannot find the tokenizer in");
    assertStringIncludes(await failure(() => Deno.remove(`${folder}/in/d.md`)), "sees other files");
    assertStringIncludes(await failure(() => Deno.rename(`${folder}/in`, `${folder}/gone`)), "Cannot open");

    await watch.add({ release: "0.0.1" });
    await withWorker(redis, async () => {
      assertStringIncludes(await watch.failureByHand() ?? "", "Cannot tokenize for a build of release 0.0.1");
    });
  });
});

redisTest("a build without workers says so, and gives up in the end", async (redis) => {
  await withFiles(FILES, async (folder) => {
    await using watch = await Watch.start(redis);
    const counts: number[] = [];
    const options = { ...OPTIONS, datasetName: `${folder}/in`, output: `${folder}/many` };
    const jobs = { redis, parts: `${folder}/parts`, patience: 1500, onWorkers: (count: number) => counts.push(count) };
    await assertRejects(() => buildByJobs(options, jobs), DatasetError, `no worker has come to ${redis} for 2 s`);
    assertEquals([counts, await watch.jobs()], [[0], 0]);
  });
});

Deno.test("what jobs can't do is refused before anything is done", async () => {
  const options = { ...OPTIONS, validation: 0, datasetName: "docs", output: "blocks" };
  const nowhere = { redis: "redis://user:secret@127.0.0.1:1" };
  const refused = async (changes: DatasetBuilderOptions, jobs: JobOptions, message: string) => {
    await assertRejects(() => buildByJobs(changes, jobs), ConfigError, message);
  };
  await refused({ ...options, output: undefined }, nowhere, "without output");
  await refused({ ...options, datasetName: { texts: [] } }, nowhere, "texts at hand");
  await refused(options, { ...nowhere, jobBytes: 0 }, "Cannot use jobBytes = 0");
  await assertRejects(() => runDatasetWorker({ ...nowhere, lostAfter: 1 }), ConfigError, "Cannot use lostAfter = 1");
  await assertRejects(() => runDatasetWorker({ redis: "localhost:6379" }), ConfigError, "redis://host:6379");
  const message = "Cannot reach Redis at redis://127.0.0.1:1: connect ECONNREFUSED";
  await assertRejects(() => runDatasetWorker(nowhere), DatasetError, message);
  await withFiles({ "a.txt": "light" }, async (folder) => {
    const building = () =>
      buildByJobs({ ...options, datasetName: `${folder}/a.txt`, output: `${folder}/out` }, nowhere);
    await assertRejects(building, DatasetError, message);
  });
});
