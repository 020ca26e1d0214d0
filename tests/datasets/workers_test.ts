/** Builds in workers: the same bytes as in place, and no hang or worker left whatever becomes of them. About 14 s. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { AndromedaTokenizer, DatasetBuilder, DatasetError } from "../../mod.ts";
import { contentsOf, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const OPTIONS = { tokenizer, seqLen: 256, shardTokens: 1 << 18, remainder: "pad" } as const;

/** Lines of about 4 MB: more batches than are under way at once. */
const LINES = Array.from({ length: 2000 }, (_, i) =>
  JSON.stringify({
    text: `${i} What light through yonder window breaks? It is the east, and Juliet is the sun. `.repeat(1 + i % 50),
  })).join("\n");

/** Runs something with every worker thread that is started meanwhile, and gives how many of them have not ended. */
async function watchWorkers(use: (workers: readonly Worker[]) => Promise<void>): Promise<number> {
  const workers: Worker[] = [];
  const ended = new Set<Worker>();
  class Watched extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      workers.push(this);
    }
    override terminate(): Promise<number> {
      ended.add(this);
      return super.terminate();
    }
  }
  const { getBuiltinModule } = process;
  process.getBuiltinModule = ((name: string) => {
    const found = getBuiltinModule.call(process, name);
    return name === "node:worker_threads" ? { ...found, Worker: Watched } : found;
  }) as typeof getBuiltinModule;
  try {
    await use(workers);
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
  assert(workers.length > 0, "no worker was started");
  return workers.filter((worker) => !ended.has(worker)).length;
}

Deno.test("any number of workers gives the same bytes", async () => {
  await withFiles({ "in/a.jsonl": LINES, "in/b.jsonl": LINES }, async (folder) => {
    const build = async (numCpu: number) => {
      const output = `${folder}/out${numCpu}`;
      await new DatasetBuilder({ datasetName: `${folder}/in`, output, numCpu, ...OPTIONS }).buildDataset();
      return await contentsOf(output);
    };
    const expected = await build(1);
    assert(expected.size > 4, `${expected.size} files`);
    const left = await watchWorkers(async (workers) => {
      assertEquals(await build(2), expected);
      assertEquals(workers.length, 2);
      assertEquals(await build(3), expected);
    });
    assertEquals(left, 0);
  });
});

Deno.test("rows keep their faults, in their order", async () => {
  const good = LINES.split("\n");
  const lines = [...good, "no JSON", ...good, '{"text": 3}'].join("\n");
  await withFiles({ "a.jsonl": lines }, async (folder) => {
    const builder = (numCpu: number, onBadRow: "error" | "skip") =>
      new DatasetBuilder({ datasetName: `${folder}/a.jsonl`, numCpu, onBadRow, ...OPTIONS });
    await assertRejects(() => builder(2, "error").buildDataset(), DatasetError, "Cannot read row 2000 of");
    const skipped: number[] = [];
    for (const numCpu of [1, 2]) {
      let last = 0;
      await builder(numCpu, "skip").buildDataset({ onProgress: (progress) => last = progress.skipped });
      skipped.push(last);
    }
    assertEquals(skipped, [2, 2]);
  });
});

Deno.test("an abort ends a build at once, and its workers", async () => {
  const texts = Array.from({ length: 5000 }, () => "What light through yonder window breaks? ".repeat(100));
  const left = await watchWorkers(async () => {
    const abort = new AbortController();
    const builder = new DatasetBuilder({ datasetName: { texts }, numCpu: 2, ...OPTIONS });
    const building = builder.buildDataset({
      signal: abort.signal,
      onProgress: () => setTimeout(() => abort.abort(), 1),
    });
    let aborted = 0;
    abort.signal.addEventListener("abort", () => aborted = performance.now());
    assertEquals(await building.catch((error) => error), abort.signal.reason);
    assert(performance.now() - aborted < 500, `it took ${performance.now() - aborted} ms`);
  });
  assertEquals(left, 0);
});

Deno.test("a worker that dies ends the build with an error that says where", async () => {
  const left = await watchWorkers(async (workers) => {
    async function* texts() {
      for (let i = 0; i < 100; i++) {
        yield "What light through yonder window breaks? ".repeat(5000);
        // It comes when the workers have begun.
        if (i === 30) await Worker.prototype.terminate.call(workers[0]);
      }
    }
    const builder = new DatasetBuilder({ datasetName: { texts: texts() }, numCpu: 2, ...OPTIONS });
    await assertRejects(() => builder.buildDataset(), DatasetError, "of the texts and what follows it: its worker is");
  });
  assertEquals(left, 0);
});

Deno.test("a worker that says nothing for long ends the build", async () => {
  const { setTimeout } = globalThis;
  const texts = Array.from({ length: 40 }, () => "light ".repeat(20_000));
  // The patience with a batch is longer than that with the tokenizer.
  globalThis.setTimeout = Object.assign(
    (handler: () => void, milliseconds = 0) => setTimeout(handler, milliseconds > 60_000 ? 0 : milliseconds),
    setTimeout,
  );
  try {
    const left = await watchWorkers(async () => {
      const builder = new DatasetBuilder({ datasetName: { texts }, numCpu: 2, ...OPTIONS });
      await assertRejects(() => builder.buildDataset(), DatasetError, "it said nothing for");
    });
    assertEquals(left, 0);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("a host that starts no workers tokenizes in place", async () => {
  const texts = Array.from({ length: 30 }, (_, i) => `${i} light `.repeat(20_000));
  const build = (numCpu: number) => new DatasetBuilder({ datasetName: { texts }, numCpu, ...OPTIONS }).buildDataset();
  const expected = await Array.fromAsync(await build(1));
  const { getBuiltinModule } = process;
  process.getBuiltinModule = ((name: string) => {
    const found = getBuiltinModule.call(process, name);
    const Refused = class {
      constructor() {
        throw new Error("no workers here");
      }
    };
    return name === "node:worker_threads" ? { ...found, Worker: Refused } : found;
  }) as typeof getBuiltinModule;
  try {
    assertEquals(await Array.fromAsync(await build(2)), expected);
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});
