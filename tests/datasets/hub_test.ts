/** Datasets on a hub and behind URLs: which files are read, which of their bytes, and what is refused. 3 s. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import {
  AndromedaTokenizer,
  Dataset,
  DatasetBuilder,
  type DatasetBuilderOptions,
  DatasetError,
  type DatasetRow,
} from "../../mod.ts";
import { HubServer, noise } from "../hub/hub_server.ts";
import { around } from "../hub/around.ts";
import { contentsOf, gzipped, withFiles } from "./folders.ts";

const tokenizer = await AndromedaTokenizer.load("examples/shakespeare");
const END = "<|endoftext|>";
const [FIRST, SECOND] = ["1".repeat(40), "2".repeat(40)];

/** A dataset as a hub has it. */
interface Served {
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly card?: unknown;
  readonly commit?: string;
  /** Files of a page of the listing. */
  readonly page?: number;
}

/** Puts "org/name" on a server: its commit, its listing and its files, as the Hub has them. */
function serve(server: HubServer, { files, card = {}, commit = FIRST, page = 1000 }: Served): void {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const api = "/api/datasets/org/name";
  server.files.set(`${api}/revision/main`, { bytes: json({ id: "org/name", sha: commit, cardData: card }) });
  server.files.set(`${api}/revision/${commit}`, { bytes: json({ id: "org/name", sha: commit, cardData: card }) });
  const entries: unknown[] = [{ type: "directory", path: "data", size: 0 }];
  for (const [path, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    server.files.set(`/datasets/org/name/resolve/${commit}/${path}`, { bytes });
    entries.push({ type: "file", path, size: bytes.length });
  }
  for (let start = 0; start < entries.length; start += page) {
    const query = (at: number) => `${api}/tree/${commit}?recursive=true${at > 0 ? `&cursor=${at}` : ""}`;
    const next = start + page;
    server.files.set(query(start), {
      bytes: json(entries.slice(start, next)),
      ...next < entries.length && { headers: { link: `<https://elsewhere.example${query(next)}>; rel="next"` } },
    });
  }
}

/** The texts of the dataset that is built, in order. */
async function textsOf(
  server: HubServer,
  options: Partial<DatasetBuilderOptions> = {},
): Promise<string[]> {
  const hub = { host: server.host, retryDelay: 1, ...options.hub };
  const builder = new DatasetBuilder({
    ...{ datasetName: "org/name", tokenizer, seqLen: 8, remainder: "keep", numCpu: 1 },
    ...options,
    hub,
  });
  return wordsIn(await Array.fromAsync(await builder.buildDataset()));
}

function wordsIn(rows: readonly DatasetRow[]): string[] {
  return tokenizer.decode(rows.flatMap(({ inputIds }) => [...inputIds])).split(END).slice(0, -1);
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify({ text })).join("\n");
}

/** A table whose other column is far larger than its texts. */
function table(texts: readonly string[], rowGroupSize = 2): Uint8Array {
  const columnData = [
    { name: "image", data: texts.map((_, i) => noise(200_000, i + 1)), type: "BYTE_ARRAY" as const },
    { name: "text", data: [...texts], type: "STRING" as const },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize, codec: "UNCOMPRESSED" }));
}

/** Bytes of a file that were asked for, by the requests so far. */
function bytesAsked(server: HubServer, path: string): number {
  const ranges = server.requests.filter((request) => request.path.endsWith(path)).map(({ headers }) =>
    /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "")
  );
  assert(ranges.every((range) => range !== null), `${path} was asked for whole`);
  return ranges.reduce((sum, range) => sum + Number(range?.[2]) - Number(range?.[1]) + 1, 0);
}

Deno.test("files of a hub's dataset are found by their names, over pages, and read in the order of their paths", async () => {
  await around("none", async ({ server }) => {
    const files = {
      "data/train-00001-of-00002.jsonl": lines("three", "four"),
      "data/train-00000-of-00002.jsonl.gz": await gzipped(lines("one", "two")),
      "data/test-00000-of-00001.jsonl": lines("five"),
      "README.md": "# A card",
      "NOTES.md": "train it well",
      ".gitattributes": "x",
    };
    serve(server, { files, page: 2 });
    assertEquals(await textsOf(server), ["one", "two", "three", "four"]);
    assertEquals(await textsOf(server, { split: "test" }), ["five"]);
    serve(server, { files: { "A.md": "notes", "B.md": "notes", "about.json": "{}", "all.parquet": table(["six"]) } });
    assertEquals(await textsOf(server), ["six"]);
    serve(server, { files });
    await assertRejects(() => textsOf(server, { split: "validation" }), DatasetError, 'it has "train", "test"');
  });
});

Deno.test("of parquet the end is read and the column of texts, and no other bytes", async () => {
  await around("none", async ({ server }) => {
    const texts = Array.from({ length: 10 }, (_, i) => `text number ${i}`);
    const bytes = table(texts);
    assert(bytes.length > 2_000_000);
    serve(server, { files: { "data/train-00000-of-00001.parquet": bytes } });
    assertEquals(await textsOf(server), texts);
    const asked = bytesAsked(server, ".parquet");
    // The end is read by 128 KB, whatever there is in it.
    assert(asked < 140_000, `${asked} bytes were asked for`);
  });
});

Deno.test("the card says which files are of which configuration and split", async () => {
  await around("none", async ({ server }) => {
    const files = {
      "a/one.jsonl": lines("one"),
      "a/deep/two.jsonl": lines("two"),
      "b/three.txt": "three",
      "c.jsonl": lines("four"),
    };
    const card = {
      configs: [
        { config_name: "all", data_files: [{ split: "train", path: ["c.jsonl", "a/**/*.jsonl"] }] },
        { config_name: "flat", default: true, data_files: [{ split: "train", path: "a/*.jsonl" }] },
        { config_name: "b", data_dir: "b", data_files: "t[g-i]{ree,ird}.txt" },
        { config_name: "gone", data_files: [{ split: "test", path: "d/*" }] },
        { config_name: "folder", data_dir: "./a/deep/" },
      ],
    };
    serve(server, { files, card });
    assertEquals(await textsOf(server), ["one"]);
    assertEquals(await textsOf(server, { config: "all" }), ["four", "two", "one"]);
    assertEquals(await textsOf(server, { config: "b" }), ["three"]);
    assertEquals(await textsOf(server, { config: "folder" }), ["two"]);
    const refused = [
      [{ config: "gone", split: "test" }, 'Cannot find the files "d/*" of org/name'],
      [{ config: "gone" }, 'Cannot read the split "train" of org/name on the Hugging Face Hub: it has "test"'],
      [{ config: "none" }, 'Cannot read the configuration "none" of org/name on the Hugging Face Hub: it has "all"'],
    ] as const;
    for (const [options, message] of refused) {
      await assertRejects(() => textsOf(server, options), DatasetError, message);
    }
    serve(server, { files, card: { configs: card.configs.filter(({ config_name }) => config_name !== "flat") } });
    await assertRejects(() => textsOf(server), DatasetError, "it has several configurations; name one of");
    serve(server, { files });
    assertEquals(await textsOf(server, { config: "a" }), ["two", "one"]);
    await assertRejects(() => textsOf(server, { config: "z" }), DatasetError, "it has no such folder");
  });
});

Deno.test("a build that goes on reads the commit that it began with", async () => {
  await around("none", async ({ server }) => {
    await withFiles({}, async (folder) => {
      const words = (version: string) => Array.from({ length: 60 }, (_, i) => `${version} text number ${i}`);
      const begin = (output: string, signal?: AbortSignal) =>
        new DatasetBuilder({
          ...{ datasetName: "org/name", tokenizer, seqLen: 16, shardTokens: 64, numCpu: 1, output },
          hub: { host: server.host, retryDelay: 1 },
        }).buildDataset({ ...signal && { signal } });
      const old = lines(...words("old"));
      serve(server, { files: { "a.jsonl": old, "b.jsonl": old } });
      const whole = await begin(`${folder}/whole`);
      server.faults.push(...Array(3).fill(undefined), ...Array(10).fill({ status: 503 }));
      await assertRejects(() => begin(`${folder}/parts`), DatasetError, "answered 503");
      server.faults.length = 0;
      assert((await contentsOf(`${folder}/parts`)).size > 1, "nothing was finished");
      serve(server, { files: { "a.jsonl": lines(...words("new")) }, commit: SECOND });
      const rows = await Array.fromAsync(await begin(`${folder}/parts`));
      assertEquals(rows, await Array.fromAsync(whole));
      assertEquals(await contentsOf(`${folder}/parts`), await contentsOf(`${folder}/whole`));
    });
  });
});

Deno.test("a path that exists goes before a name, and names of a hub's options are refused with it", async () => {
  await around("none", async ({ server }) => {
    serve(server, { files: { "a.jsonl": lines("on the hub") } });
    await withFiles({ "org/name/a.jsonl": lines("here") }, async (folder) => {
      assertEquals(await textsOf(server, { datasetName: `${folder}/org/name` }), ["here"]);
      const here = Deno.cwd();
      Deno.chdir(folder);
      try {
        assertEquals(await textsOf(server), ["here"]);
      } finally {
        Deno.chdir(here);
      }
      await assertRejects(
        () => textsOf(server, { datasetName: folder, revision: "main" }),
        DatasetError,
        'Cannot use revision = "main" with a path',
      );
    });
    assertEquals(await textsOf(server), ["on the hub"]);
    assertEquals(await textsOf(server, { revision: FIRST }), ["on the hub"]);
    assertEquals(await textsOf(server, { datasetName: `org/name@${FIRST}` }), ["on the hub"]);
  });
});

Deno.test("a token goes to the hub and nowhere else, and what the hub refuses is said", async () => {
  await around("none", async ({ server }) => {
    serve(server, { files: { "a.jsonl": lines("one"), "b.jsonl": lines("two") }, page: 1 });
    server.token = "hf_secret";
    assertEquals(await textsOf(server, { hub: { token: "hf_secret" } }), ["one", "two"]);
    assert(server.requests.every(({ headers }) => headers.get("authorization") === "Bearer hf_secret"));
    await assertRejects(() => textsOf(server), DatasetError, "it does not exist, or it is private or gated");
    server.token = undefined;
    await assertRejects(() => textsOf(server, { datasetName: "org/other" }), DatasetError, "Cannot fetch");
    await assertRejects(() => textsOf(server, { hub: { offline: true } }), DatasetError, "offline nothing is fetched");
    serve(server, { files: { "a.png": "" } });
    await assertRejects(() => textsOf(server), DatasetError, "none of its files ends with");
  });
});

Deno.test("cuts and failures that pass are gone over, in streams and in ranges; another file is refused", async () => {
  await around("none", async ({ server }) => {
    const texts = Array.from({ length: 2000 }, (_, i) => `text number ${i}`);
    const wide = new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: "text", data: texts }], codec: "UNCOMPRESSED" }),
    );
    for (const [name, content] of [["a.jsonl", lines(...texts)], ["a.parquet", wide]] as const) {
      serve(server, { files: { [name]: content } });
      server.faults.push(undefined, undefined, { status: 503, headers: { "retry-after": "0" } });
      server.faults.push(...name === "a.jsonl" ? [] : [undefined]);
      server.faults.push({ cutAfter: 1000 }, { hangUp: true });
      assertEquals(await textsOf(server), texts, name);
      assertEquals(server.faults, []);
    }
    serve(server, { files: { "a.parquet": wide } });
    const path = `/datasets/org/name/resolve/${FIRST}/a.parquet`;
    const options = { host: server.host, retryDelay: 1, fetch: replacing(server, path) };
    await assertRejects(() => textsOf(server, { hub: options }), DatasetError, "it became another file");
  });
});

Deno.test("files that lie on another server are read there, without the token", async () => {
  await around("none", async ({ server }) => {
    const other = new HubServer();
    try {
      const texts = Array.from({ length: 10 }, (_, i) => `text number ${i}`);
      const files = { "data/a.parquet": table(texts), "data/b.parquet": table(texts) };
      serve(server, { files });
      server.token = "hf_secret";
      for (const [path, bytes] of Object.entries(files)) {
        other.files.set(`/store/${path}`, { bytes });
        const resolved = `/datasets/org/name/resolve/${FIRST}/${path}`;
        server.files.set(resolved, { bytes: new Uint8Array(), redirect: `${other.host}/store/${path}` });
      }
      other.faults.push(undefined, undefined, { cutAfter: 100 }, { status: 503, headers: { "retry-after": "0" } });
      assertEquals(await textsOf(server, { hub: { token: "hf_secret" } }), [...texts, ...texts]);
      assert(other.requests.every(({ headers }) => !headers.has("authorization")));
      assert(bytesAsked(other, "a.parquet") < 140_000);
    } finally {
      await other.close();
    }
  });
});

Deno.test("a hub that sends no parts of files is refused, and what lies behind a URL is fetched whole then", async () => {
  await around("folder", async ({ server, options }) => {
    const files = { "a.parquet": table(["one", "two"]), "b.parquet": table(["three"]) };
    serve(server, { files });
    server.files.set("/plain/a.parquet", { bytes: files["a.parquet"] });
    server.isSimple = true;
    await assertRejects(() => textsOf(server), DatasetError, "sends no parts of files; fetch it and give its path");
    const [datasetName, hub] = [`${server.host}/plain/a.parquet`, options];
    assertEquals(await textsOf(server, { datasetName, hub }), ["one", "two"]);
  });
});

Deno.test("what is secret in a URL gets into no file of the dataset", async () => {
  await around("none", async ({ server }) => {
    server.files.set("/a.jsonl?key=geheim", { bytes: new TextEncoder().encode(lines("one", "two", "three")) });
    await withFiles({}, async (folder) => {
      const datasetName = `${server.host.replace("//", "//user:geheim@")}/a.jsonl?key=geheim`;
      assertEquals(await textsOf(server, { datasetName, output: `${folder}/out` }), ["one", "two", "three"]);
      for (const [path, content] of await contentsOf(`${folder}/out`)) assert(!content.includes("geheim"), path);
      assert((await Deno.readTextFile(`${folder}/out/README.md`)).includes("/a.jsonl?..."));
    });
  });
});

/** Fetches, and puts another file in the place of one when its first part has come. */
function replacing(server: HubServer, path: string): typeof fetch {
  return async (...request) => {
    const answer = await fetch(...request);
    if (String(request[0]).endsWith(path)) server.files.set(path, { bytes: noise(30_000, 9) });
    return answer;
  };
}

Deno.test("a dataset is loaded from a hub and from a URL, and only the rows that are asked for are fetched", async () => {
  await around("none", async ({ server, options }) => {
    await withFiles({}, async (folder) => {
      const texts = Array.from({ length: 12_000 }, (_, i) => `a longer text that has the number ${i * 7919}`);
      const output = `${folder}/out`;
      const built = await new DatasetBuilder({
        ...{ datasetName: { texts }, tokenizer, seqLen: 1024, shardTokens: 1 << 20, output },
      }).buildDataset();
      const files: Record<string, Uint8Array> = {};
      const paths = [...(await contentsOf(output)).keys()];
      for (const path of paths) files[path] = await Deno.readFile(`${output}/${path}`);
      serve(server, { files });
      for (const path of paths) server.files.set(`/plain/${path}`, { bytes: files[path]! });
      for (const place of ["org/name", `${server.host}/plain`, `${server.host}/plain/andromeda_dataset.json`]) {
        const dataset = await Dataset.load(place, options);
        assertEquals([dataset.length, dataset.seqLen], [built.length, 1024], place);
        assertEquals(await dataset.get(3), await built.get(3));
        const [asked, size] = [bytesAsked(server, ".parquet"), files["data/train-00000-of-00001.parquet"]?.length ?? 0];
        assert(asked < size / 2, `${asked} bytes of ${size} were asked for`);
        assertEquals(await dataset.get(-1), await built.get(-1));
        server.takeStatuses();
      }
      await assertRejects(() => Dataset.load(`${server.host}/none`, options), DatasetError, "there is no such file");
    });
  });
});

Deno.test("parquet files of others are datasets if they have token ids", async () => {
  await around("none", async ({ server, options }) => {
    const ids = (from: number) => [[from, from + 1, from + 2], [from + 3, from + 4, from + 5]];
    const file = (lists: number[][]) =>
      new Uint8Array(parquetWriteBuffer({
        columnData: [
          { name: "input_ids", data: lists },
          { name: "other", data: lists.map((_, i) => noise(300_000, i + 1)) },
        ],
        schema: [
          { name: "root", num_children: 2 },
          { name: "input_ids", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
          { name: "list", repetition_type: "REPEATED", num_children: 1 },
          { name: "element", repetition_type: "OPTIONAL", type: "INT32" },
          { name: "other", repetition_type: "OPTIONAL", type: "BYTE_ARRAY" },
        ],
        codec: "UNCOMPRESSED",
      }));
    const files = {
      "data/train-00000-of-00002.parquet": file(ids(10)),
      "data/train-00001-of-00002.parquet": file(ids(20)),
      "data/test-00000-of-00001.parquet": file(ids(30)),
    };
    serve(server, { files });
    const rows = async (dataset: Dataset) => (await Array.fromAsync(dataset)).map(({ inputIds }) => [...inputIds]);
    const train = await Dataset.load("org/name", options);
    assertEquals([train.length, train.seqLen], [4, 3]);
    assertEquals(await rows(train), [...ids(10), ...ids(20)]);
    assertEquals(await rows(await Dataset.load("org/name", { ...options, split: "test" })), ids(30));
    await withFiles(files, async (folder) => {
      assertEquals(await rows(await Dataset.load(folder, { split: "test" })), ids(30));
      assertEquals(await rows(await Dataset.load(`${folder}/data/test-00000-of-00001.parquet`)), ids(30));
    });
    serve(server, { files: { "a.parquet": table(["x"]) } });
    await assertRejects(() => Dataset.load("org/name", options), DatasetError, "it has no column input_ids");
    await assertRejects(
      () => Dataset.load("org/name@gone", options),
      DatasetError,
      "Cannot fetch",
    );
  });
});
