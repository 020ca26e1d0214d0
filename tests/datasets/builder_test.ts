/** Rows of tokens from texts: what is in them, from every kind of file, and what is refused. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import {
  AndromedaTokenizer,
  type BuildProgress,
  ConfigError,
  Dataset,
  DatasetBuilder,
  type DatasetBuilderOptions,
  DatasetError,
  type DatasetRow,
} from "../../mod.ts";
import { contentsOf, gzipped, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const END = "<|endoftext|>";
const TEXTS = ["Good morrow, cousin.", "Is the day so young?", "But new struck nine.", "Ay me! sad hours seem long."];

async function build(
  datasetName: DatasetBuilderOptions["datasetName"],
  options: Partial<DatasetBuilderOptions> = {},
): Promise<DatasetRow[]> {
  const builder = new DatasetBuilder({ datasetName, tokenizer, seqLen: 8, remainder: "keep", ...options });
  return await Array.fromAsync(await builder.buildDataset());
}

/** The token ids of all rows, without padding. */
function idsOf(rows: readonly DatasetRow[]): number[] {
  return rows.flatMap(({ inputIds, attentionMask }) => [...inputIds].filter((_, i) => attentionMask[i] === 1));
}

const EXPECTED = TEXTS.flatMap((text) => tokenizer.encode(text + END));

Deno.test("rows are the texts with their ends, one after the other", async () => {
  const rows = await build({ texts: TEXTS });
  assertEquals(idsOf(rows), EXPECTED);
  assert(rows.slice(0, -1).every(({ inputIds }) => inputIds.length === 8));
  assertEquals(rows.at(-1)?.inputIds.length, EXPECTED.length % 8 || 8);
});

Deno.test("documents are numbered within each row", async () => {
  const rows = await build({ texts: TEXTS }, { remainder: "pad" });
  const ends = idsOf(rows).flatMap((id, i) => id === tokenizer.idOf(END) ? [i] : []);
  let at = 0;
  for (const { inputIds, documentIds = new Int32Array() } of rows) {
    const first = ends.filter((end) => end < at).length;
    const wanted = Array.from(
      inputIds,
      (_, i) => at + i >= EXPECTED.length ? -1 : ends.filter((end) => end < at + i).length - first,
    );
    assertEquals([...documentIds], wanted);
    at += inputIds.length;
  }
});

Deno.test("what is left at the end is dropped, padded or kept", async () => {
  const whole = Math.floor(EXPECTED.length / 8);
  assert(EXPECTED.length % 8 > 0);
  assertEquals((await build({ texts: TEXTS }, { remainder: "drop" })).length, whole);
  const last = (await build({ texts: TEXTS }, { remainder: "pad" })).at(-1);
  assertEquals(last?.inputIds.length, 8);
  assertEquals(last?.attentionMask.reduce((a, b) => a + b, 0), EXPECTED.length % 8);
  assert(last?.inputIds.subarray(EXPECTED.length % 8).every((id) => id === tokenizer.padId));
});

Deno.test("files of every kind give the same rows", async () => {
  const rows = TEXTS.map((text, id) => ({ id, text }));
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  const columnData = [
    { name: "id", data: rows.map(({ id }) => id) },
    { name: "text", data: TEXTS, type: "STRING" as const },
  ];
  const files = {
    "a.jsonl": `${lines}\n`,
    "b.json": JSON.stringify(rows),
    "c.ndjson.gz": await gzipped(lines),
    "d.parquet": new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 3 })),
    "e.txt": `${TEXTS.join("\r\n")}\r\n`,
  };
  await withFiles(files, async (folder) => {
    for (const name of Object.keys(files)) {
      assertEquals(idsOf(await build(`${folder}/${name}`, { linePerDocument: true })), EXPECTED, name);
    }
    assertEquals(idsOf(await build(folder, { linePerDocument: true })), [1, 2, 3, 4, 5].flatMap(() => EXPECTED));
  });
});

Deno.test("a plain text is one document, and a folder's files come in the order of their names", async () => {
  await withFiles(
    { "b.md": "second", "a/z.txt": "first\nof two lines", ".c.txt": "hidden", "d.png": "" },
    async (folder) => {
      const expected = ["first\nof two lines", "second"].flatMap((text) => tokenizer.encode(text + END));
      assertEquals(idsOf(await build(folder)), expected);
      assertEquals(idsOf(await build(new URL(`file://${folder}`))), expected);
    },
  );
});

Deno.test("names say which files belong to a split", async () => {
  const files = { "train.txt": "train", "data/test-00000-of-00001.txt": "test", "valid.txt": "valid" };
  await withFiles(files, async (folder) => {
    for (const [split, text] of [["train", "train"], ["test", "test"], ["validation", "valid"]] as const) {
      assertEquals(idsOf(await build(folder, { split })), tokenizer.encode(text + END));
    }
    await assertRejects(() => build(folder, { split: "other" }), DatasetError, 'it has "train", "validation", "test"');
  });
});

Deno.test("a row without a text ends the build by name, or is skipped and counted", async () => {
  const lines = ['{"text": "one"}', "", '{"text": 2}', "no JSON", '{"body": "x"}', '{"text": "two"}'].join("\n");
  await withFiles({ "a.jsonl": lines }, async (folder) => {
    await assertRejects(() => build(folder), DatasetError, "Cannot read row 2 of");
    let skipped = 0;
    const builder = new DatasetBuilder({
      datasetName: folder,
      tokenizer,
      seqLen: 4,
      remainder: "keep",
      onBadRow: "skip",
    });
    const dataset = await builder.buildDataset({ onProgress: (progress) => skipped = progress.skipped });
    const expected = ["one", "two"].flatMap((text) => tokenizer.encode(text + END));
    assertEquals([idsOf(await Array.fromAsync(dataset)), skipped], [expected, 3]);
    const missing = new DatasetBuilder({ datasetName: folder, tokenizer, textColumn: "body" });
    await assertRejects(() => missing.buildDataset(), DatasetError, 'it has no column "body"; its columns are "text"');
  });
});

Deno.test("what can't be read is refused by file and reason", async () => {
  const short = (await gzipped("a text that is long enough to be cut")).slice(0, 30);
  const parquet = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "title", data: ["x"] }] }));
  const files = {
    "utf.jsonl": new Uint8Array([...new TextEncoder().encode('{"text":"a"}\n{"text":"'), 0xff, 0x22, 0x7d]),
    "cut.txt.gz": short,
    "broken.parquet": new TextEncoder().encode("PAR1 and nothing else PAR1"),
    "title.parquet": parquet,
    "object.json": "{}",
    "empty.jsonl": "",
    "picture.png": "",
  };
  await withFiles(files, async (folder) => {
    const refused = {
      "utf.jsonl": "Cannot read row 1 of",
      "cut.txt.gz": "Cannot decompress",
      "broken.parquet": "as parquet",
      "title.parquet": 'its columns are "title"',
      "object.json": "expected a list of rows",
      "empty.jsonl": "it has no texts",
      "picture.png": "its name says no format",
      "nothing": "there is no such file or folder",
    };
    for (const [name, message] of Object.entries(refused)) {
      const error = await assertRejects(() => build(`${folder}/${name}`), DatasetError);
      assert(error.message.includes(message) && error.message.includes(name), error.message);
    }
  });
});

Deno.test("progress tells the bytes that were read of those that there are, and how long the rest takes", async () => {
  const text = `${JSON.stringify({ text: TEXTS[0]?.repeat(10_000) })}\n`;
  const lines = text.repeat(20);
  await withFiles({ "a.jsonl": lines, "b.jsonl.gz": await gzipped(lines) }, async (folder) => {
    const all: BuildProgress[] = [];
    const builder = new DatasetBuilder({ datasetName: folder, tokenizer, seqLen: 64, numCpu: 1 });
    await builder.buildDataset({ onProgress: (progress) => all.push(progress) });
    const names = ["a.jsonl", "b.jsonl.gz"];
    const sizes = await Promise.all(names.map(async (name) => (await Deno.stat(`${folder}/${name}`)).size));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert(all.every(({ totalBytes }) => totalBytes === total));
    assertEquals(all.map(({ bytes }) => bytes), all.map(({ bytes }) => bytes).toSorted((a, b) => a - b));
    assert(all.some(({ bytes, secondsLeft = 0 }) => bytes > 0 && bytes < total && secondsLeft > 0));
    assertEquals([all.at(-1)?.bytes, all.at(-1)?.secondsLeft], [total, 0]);
  });
  let last: BuildProgress | undefined;
  const builder = new DatasetBuilder({ datasetName: { texts: TEXTS }, tokenizer, seqLen: 8 });
  await builder.buildDataset({ onProgress: (progress) => last = progress });
  assertEquals([last?.totalBytes, last?.secondsLeft], [undefined, undefined]);
});

Deno.test("options out of their range are refused when the builder is made", () => {
  const wrong: readonly [Record<string, unknown>, string][] = [
    [{ seqLen: 1 }, "seqLen = 1"],
    [{ numCpu: 0 }, "numCpu = 0"],
    [{ remainder: "lose" }, 'remainder = "lose"'],
    [{ textColumn: "" }, "textColumn"],
    [{ split: "a b" }, "split"],
    [{ seq_len: 3 }, "seq_len"],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => new DatasetBuilder({ datasetName: "x", ...options }), ConfigError, message);
  }
});

Deno.test("texts end with the tokenizer's own token, unless an option names another", async () => {
  const builder = new DatasetBuilder({ datasetName: { texts: [] }, tokenizer, endToken: "!" });
  const { inputIds, attentionMask } = await builder.tokenizeFunction({ text: ["Good morrow", "cousin"] });
  assertEquals(inputIds, [tokenizer.encode("Good morrow!"), tokenizer.encode("cousin!")]);
  assertEquals(attentionMask, inputIds.map((ids) => ids.map(() => 1)));
  assertEquals(tokenizer.ownEosToken, END);
});

Deno.test("groupTexts joins lists and cuts them", () => {
  const builder = new DatasetBuilder({ datasetName: { texts: [] }, tokenizer, seqLen: 3 });
  const grouped = builder.groupTexts({ inputIds: [[1, 2], [3, 4, 5], [6, 7]] });
  assertEquals(grouped, { inputIds: [[1, 2, 3], [4, 5, 6]], attentionMask: [[1, 1, 1], [1, 1, 1]] });
});

Deno.test("a dataset gives rows, batches in a seeded order, and parts of itself", async () => {
  const dataset = await new DatasetBuilder({
    datasetName: { texts: Array.from({ length: 40 }, (_, i) => `${TEXTS[i % 4]} ${i}`) },
    tokenizer,
    seqLen: 8,
  }).buildDataset();
  const all = await Array.fromAsync(dataset);
  assertEquals(all.length, dataset.length);
  assertEquals(await dataset.get(-1), all.at(-1));
  await assertRejects(() => dataset.get(dataset.length), RangeError, "the dataset has");
  const epoch = await Array.fromAsync(dataset.batches({ batchSize: 3, shuffle: true, seed: 5 }));
  const rest = await Array.fromAsync(dataset.batches({ batchSize: 3, shuffle: true, seed: 5, start: 4 }));
  assertEquals(rest, epoch.slice(4));
  const other = await Array.fromAsync(dataset.batches({ batchSize: 3, shuffle: true, seed: 6 }));
  assert(String(other[0]?.inputIds) !== String(epoch[0]?.inputIds));
  const sorted = (rows: readonly string[]) => rows.toSorted();
  const rowsOf = epoch.flatMap(({ inputIds, shape: [b, n] }) =>
    Array.from({ length: b }, (_, i) => String(inputIds.subarray(i * n, (i + 1) * n)))
  );
  assertEquals(sorted(rowsOf), sorted(all.map(({ inputIds }) => String(inputIds))));
  const { train, validation } = dataset.split({ validation: 0.25, seed: 1 });
  assertEquals(train.length + validation.length, dataset.length);
  const parts = [...await Array.fromAsync(train), ...await Array.fromAsync(validation)];
  assertEquals(
    sorted(parts.map(({ inputIds }) => String(inputIds))),
    sorted(all.map(({ inputIds }) => String(inputIds))),
  );
  assertEquals((await dataset.take(2).get(1)).inputIds, all[1]?.inputIds);
  const odd = await dataset.filter((_, index) => index % 2 === 1);
  assertEquals((await odd.get(0)).inputIds, all[1]?.inputIds);
  const marked = dataset.map((row) => ({ ...row, inputIds: row.inputIds.map(() => 7) }));
  assertEquals((await marked.get(0)).inputIds, new Int32Array(8).fill(7));
});

Deno.test("a dataset is saved and loaded with the same rows", async () => {
  await withFiles({}, async (folder) => {
    const dataset = await new DatasetBuilder({ datasetName: { texts: TEXTS }, tokenizer, seqLen: 8, remainder: "pad" })
      .buildDataset();
    await dataset.save(`${folder}/new`);
    assertEquals(await Array.fromAsync(await Dataset.load(`${folder}/new`)), await Array.fromAsync(dataset));
    await assertRejects(() => Dataset.load(folder), DatasetError, "it has no andromeda_dataset.json");
    await assertRejects(() => dataset.take(1).save(`${folder}/new`), DatasetError, "it holds");
    const broken = dataset.map(() => Promise.reject(new Error("no row")));
    await assertRejects(() => broken.save(`${folder}/other`), Error, "no row");
    assertEquals([...(await contentsOf(`${folder}/other`)).keys()], []);
  });
});
