/** What options make of documents: how they are packed, ordered, held out and left out, beside naive versions. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
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
import { shinglesOf, signatureOf } from "../../data/datasets/filtering/min_hash.ts";
import { NearIndex } from "../../data/datasets/filtering/near_index.ts";
import { bestFit } from "../../data/datasets/packing/best_fit.ts";
import { shuffled } from "../../data/datasets/shuffle.ts";
import { RandomValues } from "../../engine/reference/random_values.ts";
import { withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const END = "<|endoftext|>";
const SEQ_LEN = 32;
const random = new RandomValues(29);

/** Words that texts are made of. */
const WORDS = (await Deno.readTextFile("LICENSE")).match(/[a-z]{3,}/g) ?? [];

function textOf(words: number): string {
  return Array.from({ length: words }, () => WORDS[random.integer(0, WORDS.length - 1)]).join(" ");
}

const TEXTS = Array.from({ length: 400 }, (_, i) => textOf(i % 40 === 0 ? 90 : random.integer(0, 14)));
const DOCUMENTS = TEXTS.map((text) => tokenizer.encode(text + END));

/** What a build of texts makes, and what it says of them at its end. */
async function build(texts: readonly string[], options: Partial<DatasetBuilderOptions>) {
  let progress: BuildProgress | undefined;
  const builder = new DatasetBuilder({ datasetName: { texts }, tokenizer, seqLen: SEQ_LEN, ...options });
  const dataset = await builder.buildDataset({ onProgress: (each) => progress = each });
  return { dataset, rows: await Array.fromAsync(dataset), progress };
}

/** The documents of rows: ids as texts, row by row. */
function documentsIn(rows: readonly DatasetRow[]): string[][] {
  return rows.map(({ inputIds, documentIds = new Int32Array() }) =>
    Array.from(
      { length: Math.max(...documentIds) + 1 },
      (_, document) => inputIds.filter((_, i) => documentIds[i] === document).join(" "),
    )
  );
}

function tokensIn(rows: readonly DatasetRow[]): number[] {
  return rows.flatMap(({ inputIds, attentionMask }) => [...inputIds.filter((_, i) => attentionMask[i] === 1)]);
}

Deno.test("best fit puts each piece where a search through all rows would", () => {
  for (const most of [3, 31, 32, 64, 100]) {
    const lengths = Array.from({ length: 500 }, () => random.integer(1, most));
    const naive: { pieces: number[]; room: number }[] = [];
    for (const piece of [...lengths.keys()].sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)) {
      const length = lengths[piece] ?? 0;
      const fitting = naive.filter(({ room }) => room >= length);
      const least = Math.min(...fitting.map(({ room }) => room));
      // Of rows with as much room, which one takes it changes nothing but the names of rows.
      const row = fitting.find(({ room }) => room === least);
      if (row) [row.pieces, row.room] = [[...row.pieces, piece], row.room - length];
      else naive.push({ pieces: [piece], room: most - length });
    }
    const rows = bestFit(lengths, most);
    assertEquals(rows.flat().toSorted((a, b) => a - b), [...lengths.keys()]);
    const sums = rows.map((row) => row.reduce((sum, piece) => sum + (lengths[piece] ?? 0), 0));
    assertEquals(sums.toSorted(), naive.map(({ room }) => most - room).toSorted());
    assertEquals(rows.map(([first = 0]) => first), rows.map(([first = 0]) => first).toSorted((a, b) => a - b));
  }
});

Deno.test("no document that fits into a row is cut by best fit, and the rest of a row is padded", async () => {
  const { rows } = await build(TEXTS, { packing: "bestFit", shardTokens: 1280 });
  const pieces = DOCUMENTS.flatMap((ids) =>
    Array.from({ length: Math.ceil(ids.length / SEQ_LEN) }, (_, i) => ids.slice(i * SEQ_LEN, (i + 1) * SEQ_LEN))
  );
  assertEquals(documentsIn(rows).flat().toSorted(), pieces.map((ids) => ids.join(" ")).toSorted());
  for (const { inputIds, attentionMask, documentIds } of rows) {
    assertEquals(inputIds.length, SEQ_LEN);
    const filled = attentionMask.reduce((sum, bit) => sum + bit, 0);
    assert(inputIds.subarray(filled).every((id) => id === tokenizer.padId));
    assert(documentIds?.subarray(filled).every((id) => id === -1));
  }
  const all = DOCUMENTS.reduce((sum, { length }) => sum + length, 0);
  assert(rows.length * SEQ_LEN < 1.03 * all, `${rows.length} rows for ${all} tokens`);
  const { rows: one } = await build(TEXTS.slice(0, 1), { packing: "bestFit" });
  assertEquals(documentsIn(one).flat().join(" "), DOCUMENTS[0]?.join(" "));
});

Deno.test("documents are shuffled shard by shard, and what fills no row goes on in the next", async () => {
  const shardTokens = 640;
  const { rows } = await build(TEXTS, { shuffle: true, seed: 5, shardTokens, remainder: "keep" });
  const expected: number[] = [];
  let [held, shard]: [number[][], number] = [[], 0];
  const end = (isLast: boolean) => {
    const joined = [...shuffled(held.length, 5, `train ${shard++}`)].flatMap((i) => held[i] ?? []);
    const left = isLast ? 0 : joined.length % SEQ_LEN;
    expected.push(...joined.slice(0, joined.length - left));
    return joined.slice(joined.length - left);
  };
  for (const ids of DOCUMENTS) {
    held.push(ids);
    if (held.flat().length < shardTokens) continue;
    const left = end(false);
    // The pieces of documents that were cut off stay apart.
    held = [];
    let piece: number[] = [];
    for (const id of left) {
      piece.push(id);
      if (id === tokenizer.idOf(END)) [held, piece] = [[...held, piece], []];
    }
    if (piece.length > 0) held.push(piece);
  }
  end(true);
  assertEquals(tokensIn(rows), expected);
  assertEquals(tokensIn(rows).toSorted(), DOCUMENTS.flat().toSorted());
  const { rows: other } = await build(TEXTS, { shuffle: true, seed: 6, shardTokens, remainder: "keep" });
  assert(tokensIn(other).join() !== expected.join());
});

Deno.test("a document longer than a shard is taken in parts", async () => {
  const texts = ["short", textOf(900), "and short"];
  const expected = texts.flatMap((text) => tokenizer.encode(text + END));
  for (const options of [{ packing: "bestFit" }, { shuffle: true, remainder: "keep" }] as const) {
    const { rows } = await build(texts, { ...options, shardTokens: 128 });
    assertEquals(tokensIn(rows).toSorted(), expected.toSorted());
  }
});

Deno.test("short documents are left out, and long ones are cut before their end token", async () => {
  const [minTokens, maxTokens] = [9, 40];
  const { rows, progress } = await build(TEXTS, { minTokens, maxTokens, remainder: "keep" });
  const kept = DOCUMENTS.filter(({ length }) => length >= minTokens);
  const cut = kept.map((ids) => ids.length > maxTokens ? [...ids.slice(0, maxTokens - 1), ...ids.slice(-1)] : ids);
  assertEquals(tokensIn(rows), cut.flat());
  assertEquals(progress?.texts, TEXTS.length);
  assertEquals(progress?.tooShort, TEXTS.length - kept.length);
  assertEquals(progress?.cut, kept.filter(({ length }) => length > maxTokens).length);
  assertEquals(progress?.tokens, cut.flat().length);
});

Deno.test("of equal texts the first one is kept", async () => {
  const texts = [...TEXTS, "", ...TEXTS.slice(100, 200), "twice", "", "Twice", "twice"];
  const { rows, progress } = await build(texts, { dedupe: "exact", remainder: "keep" });
  const unique = [...new Set(texts)];
  assertEquals(tokensIn(rows), unique.flatMap((text) => tokenizer.encode(text + END)));
  assertEquals([progress?.duplicates, progress?.nearDuplicates], [texts.length - unique.length, 0]);
});

/** Runs of five words. */
function runsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[a-z\d]+/g) ?? [];
  return new Set(Array.from({ length: Math.max(1, words.length - 4) }, (_, i) => words.slice(i, i + 5).join(" ")));
}

/** The share of all runs of two texts that they have in common. */
function alike(a: Set<string>, b: Set<string>): number {
  const common = a.intersection(b).size;
  return common / (a.size + b.size - common);
}

/** A text with some of its words replaced. */
function changed(text: string, count: number): string {
  const words = text.split(" ");
  for (let i = 0; i < count; i++) words[random.integer(0, words.length - 1)] = textOf(1);
  return words.join(" ");
}

Deno.test("signatures tell about how alike texts are", () => {
  let sum = 0;
  for (let i = 0; i < 200; i++) {
    const text = textOf(200);
    const other = changed(text, i % 20);
    const [a, b] = [signatureOf(shinglesOf(text)), signatureOf(shinglesOf(other))];
    const estimate = a.filter((number, j) => number === b[j]).length / a.length;
    const truth = alike(runsOf(text), runsOf(other));
    const error = estimate - truth;
    // Five standard deviations of 128 draws.
    assert(Math.abs(error) < 0.22, `${estimate} for ${truth}`);
    sum += error;
  }
  assert(Math.abs(sum / 200) < 0.01, `on average they are off by ${sum / 200}`);
});

Deno.test("of nearly equal texts the first one is kept, as a comparison of all with all finds them", async () => {
  const originals = Array.from({ length: 150 }, () => textOf(120));
  // Of these the ones are surely above the threshold, and the others surely below.
  const near = originals.slice(0, 60).map((text) => `${text.toUpperCase()}!`);
  const nearer = originals.slice(60, 100).map((text) => changed(text, 1));
  const far = originals.slice(0, 50).map((text) => changed(text, 30));
  const texts = [...originals, ...near, ...far, ...nearer, "", "?!", "...", ...originals.slice(0, 5)];
  const naive = new Map<string, Set<string>>();
  for (const text of texts) {
    const runs = runsOf(text);
    const most = Math.max(0, ...naive.values().map((other) => alike(runs, other)));
    assert(text.length < 9 || most < 0.5 || most > 0.9, `${most} is too near the threshold`);
    if (text.length < 9 || most < 0.7) naive.set(text, runs);
  }
  const { rows, progress } = await build(texts, { dedupe: "near", dedupeThreshold: 0.7, remainder: "keep" });
  assertEquals(tokensIn(rows), [...naive.keys()].flatMap((text) => tokenizer.encode(text + END)));
  const different = new Set(texts).size;
  assertEquals(progress?.duplicates, texts.length - different);
  assertEquals(progress?.nearDuplicates, different - naive.size);
});

Deno.test("nearly equal texts are found from their threshold on, nineteen times of twenty", () => {
  for (const threshold of [0.3, 0.5, 0.8, 0.95]) {
    let found = 0;
    for (let i = 0; i < 200; i++) {
      const index = new NearIndex(threshold);
      const size = 400;
      // As many in common as make them exactly as alike as the threshold and a little.
      const common = Math.round(size * 2 * (threshold + 0.04) / (1.04 + threshold));
      const of = (name: number) =>
        Array.from(
          { length: size },
          (_, j) => (j < common ? j + i * 1000 : j + i * 1000 + name * 1e6) * 2654435761 >>> 0,
        );
      assert(index.add(signatureOf(of(1))));
      if (!index.add(signatureOf(of(2)))) found += 1;
    }
    assert(found > 150, `${found} of 200 at ${threshold}`);
  }
});

Deno.test("texts of languages without spaces are compared sign by sign", () => {
  const text = "春はあけぼの。やうやう白くなりゆく山ぎは、すこしあかりて、紫だちたる雲のほそくたなびきたる。";
  const [a, b] = [shinglesOf(text), shinglesOf(text.replace("紫", "赤"))];
  assert(a.size > 30 && a.intersection(b).size > 20, `${a.size}, ${a.intersection(b).size}`);
});

Deno.test("documents that are held out make a split of their own, which card and manifest know", async () => {
  await withFiles({}, async (folder) => {
    const options = { validation: 0.2, seed: 3, output: `${folder}/out`, remainder: "keep", shardTokens: 640 } as const;
    const { rows, progress } = await build(TEXTS, options);
    const held = await Array.fromAsync(await Dataset.load(`${folder}/out`, { split: "validation" }));
    assertEquals(rows, await Array.fromAsync(await Dataset.load(`${folder}/out`, { split: "train" })));
    assertEquals([...tokensIn(rows), ...tokensIn(held)].toSorted(), DOCUMENTS.flat().toSorted());
    const share = tokensIn(held).length / DOCUMENTS.flat().length;
    assert(share > 0.1 && share < 0.3, `${share} is held out`);
    const manifest = JSON.parse(await Deno.readTextFile(`${folder}/out/andromeda_dataset.json`));
    const names = manifest.splits.map(({ name }: { name: string }) => name);
    assertEquals([names, manifest.texts.texts], [["train", "validation"], progress?.texts]);
    const card = await Deno.readTextFile(`${folder}/out/README.md`);
    assert(card.includes("path: data/train-*") && card.includes("path: data/validation-*"), card);
    const none = Dataset.load(`${folder}/out`, { split: "test" });
    await assertRejects(() => none, DatasetError, 'Cannot load the split "test"');
    // Whether a document is held out does not depend on what else is asked for.
    const { rows: other } = await build(TEXTS, {
      ...options,
      packing: "bestFit",
      remainder: "pad",
      output: `${folder}/b`,
    });
    assertEquals(tokensIn(other).toSorted(), tokensIn(rows).toSorted());
  });
});

Deno.test("options that don't fit together are refused when the builder is made", () => {
  const wrong: readonly [Partial<DatasetBuilderOptions>, string][] = [
    [{ packing: "bestFit", remainder: "drop" }, 'remainder = "drop": packing "bestFit" pads all rows'],
    [{ minTokens: 5, maxTokens: 4 }, "maxTokens = 4"],
    [{ maxTokens: 0 }, "maxTokens = 0"],
    [{ dedupe: "near", dedupeThreshold: 0 }, "dedupeThreshold = 0"],
    [{ validation: 1, output: "x" }, "validation = 1"],
    [{ validation: 0.1 }, "it needs output"],
    [{ validation: 0.1, output: "x", split: "validation" }, 'split = "validation"'],
    [{ seed: 0.5 }, "seed = 0.5"],
    [{ dedupe: "all" as "near" }, 'dedupe = "all"'],
  ];
  for (const [options, message] of wrong) {
    assertThrows(() => new DatasetBuilder({ datasetName: "x", ...options }), ConfigError, message);
  }
});
