/** Builds whose files are broken or change: the error says which row, and what was finished stays finished. 4 s. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { rowsOf } from "../../data/datasets/formats/rows.ts";
import { bytesSource } from "../../data/files/byte_source.ts";
import { fileSource } from "../../data/files/local_files.ts";
import { RandomValues } from "../../engine/reference/random_values.ts";
import { AndromedaTokenizer, DatasetBuilder, DatasetError } from "../../mod.ts";
import { contentsOf, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const random = new RandomValues(11);
const TEXTS = Array.from({ length: 4000 }, (_, i) => `text ${i} of ${random.integer(0, 1e9)}`);
const LINES = TEXTS.map((text) => JSON.stringify({ text })).join("\n");

/** A table in groups of rows, which Snappy compresses. */
const TABLE = new Uint8Array(
  parquetWriteBuffer({ columnData: [{ name: "text", data: TEXTS, type: "STRING" }], rowGroupSize: 500 }),
);

function builder(source: string, output: string): DatasetBuilder {
  return new DatasetBuilder({ datasetName: source, output, tokenizer, seqLen: 32, shardTokens: 6400, numCpu: 1 });
}

/** A copy whose bytes in the middle are others. */
function spoiled(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 400);
  return copy;
}

Deno.test("a build of a broken file keeps what it finished, and ends as if nothing was when the file is whole", async () => {
  const packed = gzipSync(LINES);
  const files = [
    ["a.jsonl.gz", packed, packed.subarray(0, packed.length >> 1), /Cannot read from row (\d+) on: Cannot decompress/],
    ["a.parquet", TABLE, spoiled(TABLE), /Cannot read rows (\d+) to \d+ of .*a\.parquet as parquet/],
  ] as const;
  for (const [name, whole, broken, pattern] of files) {
    await withFiles({ [name]: broken, [`whole/${name}`]: whole }, async (folder) => {
      const { message } = await assertRejects(
        () => builder(`${folder}/${name}`, `${folder}/out`).buildDataset(),
        DatasetError,
      );
      const row = Number(pattern.exec(message)?.[1]);
      assert(row > 1000 && row < 3000 && message.includes(name), message);
      const finished = await contentsOf(`${folder}/out`);
      assert(finished.has(".andromeda-build/part-train-00002"), [...finished.keys()].join());
      await builder(`${folder}/whole/${name}`, `${folder}/expected`).buildDataset();
      const parts = await contentsOf(`${folder}/expected`);
      for (const i of [0, 2]) {
        const number = String(i).padStart(5, "0");
        const part = [...parts].find(([path]) => path.startsWith(`data/train-${number}`));
        assertEquals(finished.get(`.andromeda-build/part-train-${number}`), part?.[1]);
      }
      await Deno.writeFile(`${folder}/${name}`, whole);
      await builder(`${folder}/${name}`, `${folder}/out`).buildDataset();
      const data = (contents: ReadonlyMap<string, string>) =>
        [...contents].filter(([path]) => path.startsWith("data/"));
      assertEquals(data(await contentsOf(`${folder}/out`)), data(parts));
    });
  }
});

Deno.test("a file that changes while it is read is read no further", async () => {
  const lines = `${LINES}\n`.repeat(20);
  for (const [name, content] of [["a.jsonl", lines], ["a.parquet", TABLE]] as const) {
    await withFiles({ [name]: content }, async (folder) => {
      const place = `${folder}/${name}`;
      const source = await fileSource(place, DatasetError);
      const rows = rowsOf(source!, { row: 0 }, { textColumn: "text", isLinePerDocument: false });
      assertEquals((await rows.next()).value, { row: 0, text: TEXTS[0] });
      await Deno.writeFile(place, Uint8Array.of(10), { append: true });
      const { message } = await assertRejects(() => Array.fromAsync(rows), DatasetError);
      assert(/Cannot read (from row \d+ on|rows \d+ to \d+ of )/.test(message), message);
      assert(message.includes(`Cannot go on with ${place}: it was replaced or removed meanwhile`), message);
    });
  }
});

Deno.test("parquet with any byte changed gives rows or is refused", async () => {
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    const bytes = TABLE.slice();
    const place = i < 100 ? random.integer(0, bytes.length - 1) : bytes.length - 1 - random.integer(0, 1500);
    bytes[place] = random.integer(0, 255);
    try {
      let row = 0;
      for await (
        const each of rowsOf(bytesSource(bytes, "a.parquet"), { row: 0 }, {
          textColumn: "text",
          isLinePerDocument: false,
        })
      ) {
        assertEquals(each.row, row++);
      }
    } catch (error) {
      assert(error instanceof DatasetError && error.message.includes("a.parquet"), `byte ${place}: ${error}`);
      refused++;
    }
  }
  assert(refused > 25, `${refused} of 200 were refused`);
});
