/**
 * Datasets in a page of a real Chromium: made of texts, pushed to a hub, and read from a server, whole files and
 * ranges. About 10 s.
 *
 * Needs the `chromium` package; without it the test is ignored, with REQUIRE_CHROMIUM=1 it fails.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Dataset, DatasetBuilder, type DatasetBuilderOptions, type DatasetFormat } from "../../../data/mod.ts";
import { serveFolder, withFiles } from "../../datasets/folders.ts";
import { WritableHub } from "../../hub/writable_hub.ts";
import { lacksChromium, launchChromium } from "../../support/chromium.ts";
import { deno } from "../../support/deno.ts";

const TOKENIZER = "examples/shakespeare";

const PAGE = `<!doctype html><title>datasets</title><script type="module">
import { Dataset, DatasetBuilder } from "./mod.js";
const idsOf = async (rows) => {
  const all = [];
  for await (const { inputIds } of rows) all.push([...inputIds]);
  return all;
};
globalThis.load = async (place, cache) => idsOf(await Dataset.load(place, { cache }));
globalThis.build = async (options) => idsOf(await new DatasetBuilder(options).buildDataset());
</script>`;

declare global {
  /** Defined by PAGE. */
  var load: (place: string, cache: string | false) => Promise<number[][]>;
  var build: (options: DatasetBuilderOptions) => Promise<number[][]>;
}

/** The token ids of all rows. */
async function idsOf(dataset: Dataset): Promise<number[][]> {
  return await Array.fromAsync(dataset, ({ inputIds }) => [...inputIds]);
}

Deno.test({
  name: `chromium: datasets are made in a page, pushed to a hub, and read from a server${
    lacksChromium ? " (needs chromium)" : ""
  }`,
  ignore: lacksChromium,
  fn: async () => {
    await withFiles({ "index.html": PAGE }, async (folder) => {
      const { code, stderr } = await deno([
        ...["bundle", "--quiet", "--platform", "browser", "--code-splitting", "--outdir", folder, "data/mod.ts"],
      ]);
      assertEquals(code, 0, stderr);
      const source = { datasetName: "docs/guide", tokenizer: TOKENIZER, seqLen: 64, shardTokens: 6400 };
      const expected = new Map<DatasetFormat, number[][]>();
      for (const format of ["parquet", "tokens"] as const) {
        await new DatasetBuilder({ ...source, format, output: `${folder}/${format}` }).buildDataset();
        expected.set(format, await idsOf(await Dataset.load(`${folder}/${format}`)));
      }
      for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
        await Deno.copyFile(`${TOKENIZER}/${name}`, `${folder}/${name}`);
      }
      await using server = serveFolder(folder);
      const browser = await launchChromium();
      try {
        const page = await browser.newPage();
        await page.goto(`${server.url}index.html`);
        await page.waitForFunction(() => "build" in globalThis);
        for (const [format, rows] of expected) {
          for (const cache of ["datasets", false] as const) {
            const read = page.evaluate(([place, cache]) => load(place, cache), [`./${format}`, cache] as const);
            assertEquals(await read, rows, `${format} with cache ${cache}`);
          }
        }
        assert(server.asked.some((each) => /\.bin [1-9]\d*$/.test(each)), "ranges were asked for");
        const texts = ["Good morrow, cousin.", "Is the day so young?", "good morrow cousin", "But new struck nine."];
        const options = { datasetName: { texts }, seqLen: 16, numCpu: 1, packing: "bestFit", dedupe: "near" } as const;
        const built = await new DatasetBuilder({ ...options, tokenizer: TOKENIZER }).buildDataset();
        assertEquals(
          await page.evaluate((options) => build(options), { ...options, tokenizer: "./" }),
          await idsOf(built),
        );
        await using hub = new WritableHub();
        const pushed = { ...options, tokenizer: "./", hfAccountRepo: "org/blocks" };
        const reach = { host: hub.host, token: hub.token, cache: false } as const;
        await page.evaluate((options) => build(options), { ...pushed, hub: reach });
        assertEquals(await idsOf(await Dataset.load("org/blocks", reach)), await idsOf(built));
      } finally {
        await browser.close();
      }
    });
  },
});
