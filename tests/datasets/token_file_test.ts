/** Token files: the same rows as in memory, read by ranges from folders and servers; what is broken is refused. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AndromedaTokenizer, ConfigError, Dataset, DatasetBuilder, DatasetError, positionsOf } from "../../mod.ts";
import { datasetOf } from "../../data/datasets/dataset.ts";
import { rowOf } from "../../data/datasets/blocks/documents.ts";
import { TokenFile, TokenFileWriter } from "../../data/datasets/formats/token_file.ts";
import { bytesSource } from "../../data/files/byte_source.ts";
import { RandomValues } from "../../engine/reference/random_values.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { serveFolder, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const random = new RandomValues(11);
const TEXTS = Array.from({ length: 300 }, (_, i) => `${i} ${"But soft! ".repeat(random.integer(0, 9))}`);
const OPTIONS = { datasetName: { texts: TEXTS }, tokenizer, seqLen: 32 } as const;

/** The file of a dataset's only shard. */
async function fileOf(folder: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(`${folder}/data`), ({ name }) => name);
  assertEquals(names, ["train-00000-of-00001.bin"]);
  return `${folder}/data/${names[0]}`;
}

Deno.test("token files hold the rows that parquet files and memory do, whatever becomes of the last one", async () => {
  for (const remainder of ["drop", "pad", "keep"] as const) {
    await withFiles({}, async (folder) => {
      const expected = await Array.fromAsync(await new DatasetBuilder({ ...OPTIONS, remainder }).buildDataset());
      for (const format of ["tokens", "parquet"] as const) {
        const options = { ...OPTIONS, remainder, format, output: `${folder}/${format}`, shardTokens: 320 };
        const dataset = await new DatasetBuilder(options).buildDataset();
        assertEquals(await Array.fromAsync(dataset), expected, `${remainder} in ${format}`);
        assertEquals(await dataset.get(-1), expected.at(-1));
      }
      // Saved anew in the other format, it is the same too.
      const parquet = await Dataset.load(`${folder}/parquet`);
      await parquet.save(`${folder}/saved`, { format: "tokens", vocabSize: tokenizer.vocabSize });
      const saved = await Dataset.load(`${folder}/saved`);
      assertEquals(await Array.fromAsync(saved), expected);
      const { size } = await Deno.stat(await fileOf(`${folder}/saved`));
      const ends = expected.reduce((sum, { documentIds = [] }) => sum + 1 + Math.max(...documentIds), 0);
      assertEquals(size, 64 + expected.length * (32 * 2 + 16) + ends * 4);
    });
  }
});

Deno.test("ids take two bytes where a vocabulary allows it, and four where not", async () => {
  const rows = [rowOf(Int32Array.of(1, 65_535, 7), [2, 3]), rowOf(Int32Array.of(65_536, 0, 0), [1])];
  await withFiles({}, async (folder) => {
    const dataset = datasetOf(rows, 3);
    await dataset.save(`${folder}/four`, { format: "tokens" });
    assertEquals(await Array.fromAsync(await Dataset.load(`${folder}/four`)), rows);
    const two = dataset.save(`${folder}/two`, { format: "tokens", vocabSize: 65_536 });
    await assertRejects(() => two, DatasetError, "its token id 65536 is not between 0 and 65535");
    await dataset.take(1).save(`${folder}/two`, { format: "tokens", vocabSize: 65_536 });
    assertEquals(await Array.fromAsync(await Dataset.load(`${folder}/two`)), rows.slice(0, 1));
    const sizes = await Promise.all(
      ["two", "four"].map(async (name) => (await Deno.stat(await fileOf(`${folder}/${name}`))).size),
    );
    // Nine bytes of ids lie on a multiple of four: 6 and 2 more.
    assertEquals(sizes, [64 + 8 + 2 * 4 + 16, 64 + 24 + 3 * 4 + 32]);
  });
});

Deno.test("rows that a token file can't say are refused", async () => {
  const { inputIds, attentionMask } = rowOf(Int32Array.of(1, 2, 3), [3]);
  const refused = [
    [{ inputIds: Int32Array.of(1, 2, 3, 4), attentionMask: new Int32Array(4).fill(1) }, "it has 4 tokens where"],
    [{ inputIds: Int32Array.of(1, -2, 3), attentionMask }, "its token id -2"],
    [{ inputIds, attentionMask: Int32Array.of(0, 1, 1) }, "save it as parquet"],
    [{ inputIds, attentionMask, documentIds: Int32Array.of(0, 2, 3) }, "save it as parquet"],
    [{ inputIds, attentionMask, documentIds: Int32Array.of(0, 0, -1) }, "save it as parquet"],
  ] as const;
  for (const [row, message] of refused) {
    await withFiles({}, async (folder) => {
      const saving = datasetOf([row], 3).save(`${folder}/out`, { format: "tokens" });
      await assertRejects(() => saving, DatasetError, message);
    });
  }
  await withFiles({}, async (folder) => {
    const saving = datasetOf([{ inputIds, attentionMask }], 3).save(folder, { format: "csv" as "tokens" });
    await assertRejects(() => saving, ConfigError, 'format = "csv"');
  });
});

Deno.test("files that are broken, cut off, of another length or a later version are refused by name", async () => {
  await withFiles({}, async (folder) => {
    await new DatasetBuilder({ ...OPTIONS, format: "tokens", output: `${folder}/out` }).buildDataset();
    const path = await fileOf(`${folder}/out`);
    const bytes = await Deno.readFile(path);
    const readAll = async (changed: Uint8Array) => {
      await Deno.writeFile(path, changed);
      return await Array.fromAsync(await Dataset.load(`${folder}/out`));
    };
    const version = bytes.slice();
    version[8] = 2;
    await assertRejects(() => readAll(version), DatasetError, "version 2, and 1 is known; use a newer release");
    const cut = await assertRejects(() => readAll(bytes.slice(0, -4)), DatasetError, "where its header says");
    assert(cut.message.includes(path), cut.message);
    await assertRejects(() => readAll(bytes.slice(0, 20)), DatasetError, "bytes too early");
    await assertRejects(() => readAll(new Uint8Array(200)), DatasetError, "it is no token file");
    // Any other byte that says something, anywhere in the file.
    const { length } = await Dataset.load(`${folder}/out`);
    for (let i = 0; i < 300; i++) {
      const at = i < 32 ? i : random.integer(64, bytes.length - 1);
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1 << i % 8;
      await assertRejects(() => readAll(changed), DatasetError, "Cannot read", `byte ${at}`);
    }
    assertEquals((await readAll(bytes)).length, length);
    const manifest = await Deno.readTextFile(`${folder}/out/andromeda_dataset.json`);
    await Deno.writeTextFile(`${folder}/out/andromeda_dataset.json`, manifest.replace('"seqLen": 32', '"seqLen": 16'));
    const shorter = await Dataset.load(`${folder}/out`);
    await assertRejects(() => shorter.get(0), DatasetError, "its rows have 32 tokens where 16 are expected");
  });
});

Deno.test("a row is read with its own bytes, wherever it is", async () => {
  const writer = new TokenFileWriter(1024, 2);
  const rows = Array.from({ length: 500 }, (_, i) => rowOf(new Int32Array(1024).fill(i), [i + 1, 1024]));
  for (const row of rows) writer.add(row);
  const bytes = new Uint8Array(await new Blob(writer.finish() as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  let read = 0;
  const whole = bytesSource(bytes);
  const source = {
    ...whole,
    open: async (from: number) => {
      const reader = await whole.open(from);
      return { ...reader, read: (target: Uint8Array) => (read += target.length, reader.read(target)) };
    },
  };
  const file = await TokenFile.open(source);
  assertEquals(await file.read(321, 322), rows.slice(321, 322));
  assertEquals(read, 32 + 500 * 16 + 1024 * 2 + 2 * 4);
  assertEquals(await file.read(0, 500), rows);
});

Deno.test("token files are read from a server, by ranges where no copies are kept", async () => {
  await withFiles({}, async (folder) => {
    const output = `${folder}/out`;
    const built = await new DatasetBuilder({ ...OPTIONS, format: "tokens", output, shardTokens: 3200 }).buildDataset();
    await using server = serveFolder(output);
    for (const cache of [false, `${folder}/cache`] as const) {
      const dataset = await Dataset.load(server.url, { cache });
      assertEquals(await dataset.get(-1), await built.get(-1));
      assertEquals(await Array.fromAsync(dataset), await Array.fromAsync(built));
    }
    assert(server.asked.some((each) => /\.bin [1-9]\d*$/.test(each)), server.asked.join());
  });
});

Deno.test("positions begin anew with each document", () => {
  const { documentIds = new Int32Array() } = rowOf(new Int32Array(8), [3, 4, 6]);
  assertEquals([...documentIds], [0, 0, 0, 1, 2, 2, -1, -1]);
  assertEquals([...positionsOf(documentIds)], [0, 1, 2, 0, 0, 1, 0, 0]);
});

const SCRIPT = `
import json, re, sys
code = re.search(r"\`\`\`python\\n(.*?)\`\`\`", open("README.md").read(), re.S)[1]
scope = {}
exec(code, scope)
print(json.dumps(scope["blocks"].tolist()))
`;

pythonTest("Python maps a token file with the lines of its card", ["numpy"], async () => {
  await withFiles({}, async (folder) => {
    const dataset = await new DatasetBuilder({ ...OPTIONS, format: "tokens", output: `${folder}/out` }).buildDataset();
    const rows = await Array.fromAsync(dataset, ({ inputIds }) => [...inputIds]);
    assertEquals(await runPython(`import os; os.chdir(${JSON.stringify(`${folder}/out`)})\n${SCRIPT}`, [], null), rows);
  });
});
