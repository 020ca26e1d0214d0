/** Builds into a folder: killed at any moment and begun again, they end with the same bytes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { AndromedaTokenizer, DatasetBuilder, type DatasetBuilderOptions, DatasetError } from "../../mod.ts";
import { RandomValues } from "../../engine/reference/random_values.ts";
import { contentsOf, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const OPTIONS = { tokenizer, seqLen: 32, shardTokens: 640, remainder: "pad" } as const;

/** A text for each line, of very different lengths. */
const random = new RandomValues(3);
const LINES = Array.from(
  { length: 400 },
  (_, i) =>
    JSON.stringify({
      text: `${i} ${"What light through yonder window breaks? ".repeat(random.integer(0, i % 50 === 0 ? 40 : 3))}`,
    }),
).join("\n");

/** Options that change what a build does between its shards. */
const KINDS: Readonly<Record<string, Partial<DatasetBuilderOptions>>> = {
  "parquet files": {},
  "token files": { format: "tokens" },
  "rows fitted, of some documents": { packing: "bestFit", dedupe: "near", dedupeThreshold: 0.95, maxTokens: 100 },
  "shuffled rows": { shuffle: true, seed: 4, minTokens: 8 },
  "two splits": { validation: 0.3, dedupe: "exact", maxTokens: 100 },
  "everything": {
    ...{ packing: "bestFit", shuffle: true, validation: 0.3, dedupe: "near", dedupeThreshold: 0.95 },
    ...{ minTokens: 8, maxTokens: 300, format: "tokens" },
  },
};

/** Those that are built in processes that are killed, because starting one takes long. */
const KILLED = ["parquet files", "everything"];

for (const [kind, options] of Object.entries(KINDS)) {
  Deno.test(`a build of ${kind} that is aborted goes on where its last shard ended, and ends with the same bytes`, async () => {
    await withFiles({ "in/a.jsonl": LINES, "in/b.jsonl": LINES }, async (folder) => {
      const builder = (output: string) =>
        new DatasetBuilder({ datasetName: `${folder}/in`, output, ...OPTIONS, ...options });
      await builder(`${folder}/whole`).buildDataset();
      const expected = await contentsOf(`${folder}/whole`);
      assert(expected.size > 10, `${expected.size} files`);
      let attempts = 0;
      for (const isOver = () => attempts > 200; !isOver(); attempts++) {
        const abort = new AbortController();
        setTimeout(() => abort.abort(), random.integer(1, 60));
        const building = builder(`${folder}/parts`).buildDataset({ signal: abort.signal });
        if (await building.then(() => true, (error) => error !== abort.signal.reason && Promise.reject(error))) break;
      }
      assert(attempts > 0, "it was never aborted");
      assertEquals(await contentsOf(`${folder}/parts`), expected);
    });
  });
}

for (const kind of KILLED) {
  const options = KINDS[kind];
  Deno.test(`a process that is killed while it builds ${kind} leaves what the next one goes on from`, async () => {
    await withFiles({ "in/a.jsonl": LINES, "in/b.jsonl": LINES }, async (folder) => {
      /** Builds in a process of its own, which is killed some milliseconds after it began, if it still runs. */
      const build = async (out: string, life: number) => {
        const child = new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "-A", "--no-check", fromFileUrl(new URL("build.ts", import.meta.url))],
            ...[`${folder}/in`, `${folder}/${out}`, JSON.stringify(options)],
          ],
          cwd: fromFileUrl(new URL("../../", import.meta.url)),
          stdout: "piped",
          stderr: "inherit",
        }).spawn();
        const said = child.stdout.getReader();
        await said.read();
        const timer = setTimeout(() => child.kill("SIGKILL"), life);
        const { success } = await child.status;
        clearTimeout(timer);
        await said.cancel();
        return success;
      };
      assert(await build("whole", 60_000));
      const expected = await contentsOf(`${folder}/whole`);
      let kills = 0;
      while (kills < 20 && !await build("parts", random.integer(0, 30))) kills++;
      if (kills === 20) assert(await build("parts", 60_000));
      assert(kills > 2, `it was killed ${kills} times`);
      assertEquals(await contentsOf(`${folder}/parts`), expected);
    });
  });
}

Deno.test("a build that is complete is opened and not made again", async () => {
  await withFiles({ "a.jsonl": LINES }, async (folder) => {
    const builder = new DatasetBuilder({ datasetName: `${folder}/a.jsonl`, output: `${folder}/out`, ...OPTIONS });
    const first = await builder.buildDataset();
    const stats = await Deno.stat(`${folder}/out/data`);
    const again = await builder.buildDataset();
    assertEquals(again.length, first.length);
    assertEquals((await Deno.stat(`${folder}/out/data`)).mtime, stats.mtime);
  });
});

Deno.test("a folder with something else in it is refused and left alone", async () => {
  await withFiles({ "a.jsonl": LINES, "other/notes.txt": "mine" }, async (folder) => {
    const options = { datasetName: `${folder}/a.jsonl`, ...OPTIONS };
    const other = new DatasetBuilder({ ...options, output: `${folder}/other` });
    await assertRejects(() => other.buildDataset(), DatasetError, "it holds notes.txt");
    assertEquals([...(await contentsOf(`${folder}/other`)).keys()], ["notes.txt"]);
    await new DatasetBuilder({ ...options, output: `${folder}/out` }).buildDataset();
    const longer = new DatasetBuilder({ ...options, seqLen: 64, output: `${folder}/out` });
    await assertRejects(
      () => longer.buildDataset(),
      DatasetError,
      "it holds one with seqLen = 32, and 64 is asked for",
    );
    const added = await AndromedaTokenizer.load("examples/shakespeare", { extraIds: 1 });
    const foreign = new DatasetBuilder({ ...options, tokenizer: added, output: `${folder}/out` });
    await assertRejects(() => foreign.buildDataset(), DatasetError, "it holds one with tokenizer = ");
  });
});

Deno.test("files that have changed since are no part of the same dataset; one that was broken may be mended", async () => {
  await withFiles({ "in/a.jsonl": LINES, "in/b.jsonl": `${LINES}\n{` }, async (folder) => {
    const [first, output] = [`${folder}/in/a.jsonl`, `${folder}/out`];
    const builder = new DatasetBuilder({ datasetName: `${folder}/in`, output, ...OPTIONS });
    await assertRejects(() => builder.buildDataset(), DatasetError, "b.jsonl");
    await Deno.writeTextFile(`${folder}/in/b.jsonl`, LINES);
    await Deno.writeTextFile(first, LINES.slice(0, -1));
    const message = `it holds one of files that had ${LINES.length} bytes, and they have ${LINES.length - 1} now`;
    await assertRejects(() => builder.buildDataset(), DatasetError, message);
    await Deno.writeTextFile(first, LINES);
    await builder.buildDataset();
    await builder.buildDataset();
    await Deno.writeTextFile(`${folder}/in/b.jsonl`, `${LINES}\n${LINES}`);
    await assertRejects(() => builder.buildDataset(), DatasetError, `had ${2 * LINES.length} bytes`);
  });
});
