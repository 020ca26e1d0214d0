/** Datasets that are pushed to a hub come back from there as they were; what a hub refuses is told. 2 s. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Dataset, DatasetBuilder, DatasetError, type DatasetPushOptions, type Progress } from "../../mod.ts";
import { WritableHub } from "../hub/writable_hub.ts";
import { contentsOf, withFiles } from "./folders.ts";

const TEXTS = Array.from({ length: 60 }, (_, i) => `${i} ${"Good morrow, cousin. ".repeat(i % 7)}`);
const OPTIONS = { tokenizer: "examples/shakespeare", seqLen: 8, numCpu: 1 } as const;
const built = await new DatasetBuilder({ datasetName: { texts: TEXTS }, ...OPTIONS }).buildDataset();

/** Options with which a hub is reached. */
const reach = (hub: WritableHub) => ({ host: hub.host, token: hub.token, retryDelay: 1, cache: false as const });

const rowsOf = async (dataset: Dataset) => await Array.fromAsync(dataset, ({ inputIds }) => [...inputIds]);

Deno.test("rows that are pushed come back: large files lie elsewhere, and the token is not sent there", async () => {
  await using hub = new WritableHub();
  hub.partBytes = 1000;
  const progress: Progress[] = [];
  const onProgress = (each: Progress) => void progress.push(each);
  const { commit, url } = await built.pushToHub("org/blocks", { ...reach(hub), private: true, onProgress });
  const repository = hub.repositories.get("org/blocks");
  assertEquals(repository?.isPrivate, true);
  assertEquals([repository?.commits.length, repository?.commits.at(-1)?.oid], [2, commit]);
  assertEquals(url, `${hub.host}/datasets/org/blocks/commit/${commit}`);
  assertEquals([...hub.filesOf("org/blocks").keys()], [
    ".gitattributes",
    "data/train-00000-of-00001.parquet",
    "README.md",
    "andromeda_dataset.json",
  ]);
  assert(hub.requests.some(({ server, method }) => server === "storage" && method === "PUT"));
  for (const { server, authorization } of hub.requests) {
    assertEquals(authorization, server === "hub" ? `Bearer ${hub.token}` : null);
  }
  const total = [...hub.filesOf("org/blocks").values()].slice(1).reduce((sum, { bytes }) => sum + bytes.length, 0);
  assertEquals(progress.at(-1)?.whole, { loaded: total, total });
  assertEquals(await rowsOf(await Dataset.load("org/blocks", reach(hub))), await rowsOf(built));
});

Deno.test("a builder pushes its folder, with both splits, byte by byte", async () => {
  await using hub = new WritableHub();
  await withFiles({}, async (folder) => {
    const output = `${folder}/out`;
    const builder = new DatasetBuilder({
      ...{ datasetName: { texts: TEXTS }, ...OPTIONS, output, validation: 0.3, shardTokens: 256 },
      ...{ hfAccountRepo: "org/blocks", hub: reach(hub) },
    });
    const shown: number[] = [];
    await builder.buildDataset({ onPush: ({ whole }) => void shown.push(whole.loaded) });
    assertEquals(shown, shown.toSorted((a, b) => a - b));
    assert(shown.length > 0);
    const pushed = new Map([...hub.filesOf("org/blocks")].map(([path, { bytes }]) => [path, bytes.toString()]));
    pushed.delete(".gitattributes");
    assertEquals(new Map([...pushed].toSorted(([a], [b]) => a < b ? -1 : 1)), await contentsOf(output));
    for (const split of ["train", "validation"]) {
      const [there, here] = [{ ...reach(hub), split }, { split }];
      assertEquals(
        await rowsOf(await Dataset.load("org/blocks", there)),
        await rowsOf(await Dataset.load(output, here)),
      );
    }
    const before = hub.repositories.get("org/blocks")?.commits.length;
    await builder.buildDataset();
    assertEquals(hub.repositories.get("org/blocks")?.commits.length, (before ?? 0) + 1);
    assertEquals(
      hub.requests.filter(({ method, server }) => method === "PUT" && server === "storage").length,
      shardsIn(pushed),
    );
  });
});

const shardsIn = (files: ReadonlyMap<string, string>) =>
  [...files.keys()].filter((path) => path.endsWith(".parquet")).length;

Deno.test("a split takes the place of what it was, and the others stay", async () => {
  await using hub = new WritableHub();
  const { train, validation } = built.split({ validation: 5 });
  const push = (dataset: Dataset, options: DatasetPushOptions) =>
    dataset.pushToHub("org/blocks", { ...reach(hub), ...options });
  await push(train, {});
  await push(validation, { split: "validation" });
  await push(train.take(3), {});
  const load = async (split: string) => await rowsOf(await Dataset.load("org/blocks", { ...reach(hub), split }));
  assertEquals([await load("train"), await load("validation")], [
    await rowsOf(train.take(3)),
    await rowsOf(validation),
  ]);
  await assertRejects(
    () => push(train, { format: "tokens" }),
    DatasetError,
    'Cannot push the split "train" to org/blocks: rows of its split "validation" are of 8 tokens, as parquet',
  );
  const wider = await new DatasetBuilder({ datasetName: { texts: TEXTS }, ...OPTIONS, seqLen: 16 }).buildDataset();
  await assertRejects(() => push(wider, {}), DatasetError, "and these of 16");
  await withFiles({}, async (folder) => {
    await new DatasetBuilder({
      ...{ datasetName: { texts: TEXTS }, ...OPTIONS, seqLen: 16, output: `${folder}/out`, format: "tokens" },
      ...{ hfAccountRepo: "org/blocks", hub: reach(hub) },
    }).buildDataset();
  });
  const paths = [...hub.filesOf("org/blocks").keys()].filter((path) => path.startsWith("data/"));
  assertEquals(paths, ["data/train-00000-of-00001.bin"]);
  assertEquals(await load("train"), await rowsOf(wider));
});

Deno.test("what may pass is tried again; what a hub refuses is told, and the repository stays as it was", async () => {
  await using hub = new WritableHub();
  const push = (options: DatasetPushOptions = {}) => built.pushToHub("org/blocks", { ...reach(hub), ...options });
  hub.faults.push(
    { path: /create$/, status: 503 },
    { path: /preupload/, status: 429, retryAfter: "0" },
    { path: /batch$/, status: 502 },
    { path: /^\/[0-9a-f]{64}$/, status: 500 },
    { path: /commit/, status: 503 },
  );
  await push();
  assertEquals(hub.faults, []);
  const state = () => hub.repositories.get("org/blocks")?.commits.length;
  const before = state();
  const refused = [
    [{ token: "hf_reads" }, "Cannot push to org/blocks: the hub answered 403: you may not write here"],
    [{ token: "" }, `Cannot push to org/blocks: ${hub.host} wants a token that may write`],
    [{ revision: "other" }, "the repository has no such revision"],
    [{ split: "a b" }, "Cannot use split"],
  ] as const;
  for (const [options, message] of refused) await assertRejects(() => push(options), Error, message);
  await assertRejects(
    () => built.pushToHub("blocks", reach(hub)),
    Error,
    'Cannot push to the repository "blocks": expected "org/name"',
  );
  await withFiles({}, async (folder) => {
    const output = `${folder}/out`;
    const options = { datasetName: { texts: TEXTS }, ...OPTIONS, output, hfAccountRepo: "org/blocks" };
    const builder = new DatasetBuilder({ ...options, hub: { ...reach(hub), token: "" } });
    await assertRejects(() => builder.buildDataset(), DatasetError, "wants a token that may write");
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  });
  hub.faults.push(...Array.from({ length: 6 }, () => ({ path: /commit/, status: 500 })));
  await assertRejects(() => push(), DatasetError, "it answered 500 Internal Server Error (tried 6 times)");
  const racing: typeof fetch = async (input, init) => {
    if (String(input).includes("/preupload/")) hub.put("org/blocks", { "NOTES.md": "of another" });
    return await fetch(input, init);
  };
  await assertRejects(() => push({ fetch: racing }), DatasetError, "it has changed meanwhile: push again");
  assertEquals(state(), (before ?? 0) + 1);
  hub.put("org/others", { "data/rows.csv": "a,b" });
  await assertRejects(
    () => built.pushToHub("org/others", reach(hub)),
    DatasetError,
    "Cannot push to org/others: it holds data/rows.csv, which no andromeda_dataset.json tells of",
  );
});

Deno.test("an abort ends a push, and nothing is committed", async () => {
  await using hub = new WritableHub();
  const leaving = new AbortController();
  const reason = new Error("enough");
  const onProgress = () => leaving.abort(reason);
  const options = { ...reach(hub), signal: leaving.signal, onProgress };
  assertEquals(await built.pushToHub("org/blocks", options).catch((error) => error), reason);
  assertEquals(hub.repositories.get("org/blocks")?.commits.length, 1);
});
