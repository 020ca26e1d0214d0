/** Python's `datasets` reads what is written, and its `tokenizers` make the same rows of the same texts. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Dataset, DatasetBuilder } from "../../mod.ts";
import { WritableHub } from "../hub/writable_hub.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { markdownIn } from "../support/sources.ts";
import { withFiles } from "./folders.ts";

const SEQ_LEN = 64;
const END = "<|endoftext|>";
const TOKENIZER = "examples/shakespeare";

const SCRIPT = `
import json, sys
from datasets import load_dataset, disable_caching
from tokenizers import Tokenizer
folder, tokenizer, n, cache = sys.argv[1], Tokenizer.from_file(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
texts = json.load(sys.stdin)
joined = sum((tokenizer.encode(text + "${END}").ids for text in texts), [])
expected = [joined[i:i + n] for i in range(0, len(joined) // n * n, n)]
data = load_dataset(folder, cache_dir=cache)["train"]
print(json.dumps({
  "same": [row for row in data["input_ids"]] == expected,
  "ones": all(bit == 1 for row in data["attention_mask"] for bit in row),
  "rows": len(data),
  "features": str(data.features),
}))
`;

pythonTest(
  "datasets reads the folder, with the rows that Python makes itself",
  ["datasets", "tokenizers"],
  async () => {
    const paths = await markdownIn("docs/guide");
    const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
    await withFiles({ "texts.jsonl": texts.map((text) => JSON.stringify({ text })).join("\n") }, async (folder) => {
      const dataset = await new DatasetBuilder({
        datasetName: `${folder}/texts.jsonl`,
        output: `${folder}/out`,
        tokenizer: TOKENIZER,
        seqLen: SEQ_LEN,
        shardTokens: SEQ_LEN * 200,
      }).buildDataset();
      const tokenizer = fromFileUrl(new URL(`../../${TOKENIZER}/tokenizer.json`, import.meta.url));
      const args = [`${folder}/out`, tokenizer, String(SEQ_LEN), `${folder}/cache`];
      assertEquals(await runPython(SCRIPT, args, texts), {
        same: true,
        ones: true,
        rows: dataset.length,
        features:
          "{'input_ids': List(Value('int32')), 'attention_mask': List(Value('int8')), 'document_ids': List(Value('int32'))}",
      });
    });
  },
);

const SPLITS_SCRIPT = `
import json, sys
from datasets import load_dataset
splits = load_dataset(sys.argv[1], cache_dir=sys.argv[2])
print(json.dumps({name: [list(row) for row in split["input_ids"]] for name, split in splits.items()}))
`;

pythonTest("datasets reads both splits of a folder with texts that are held out", ["datasets"], async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `${i} ${"Good morrow, cousin. ".repeat(i % 7)}`);
  await withFiles({}, async (folder) => {
    const output = `${folder}/out`;
    const options = { tokenizer: TOKENIZER, seqLen: SEQ_LEN, packing: "bestFit", validation: 0.3, output } as const;
    await new DatasetBuilder({ datasetName: { texts }, ...options }).buildDataset();
    const rows = async (split: string) =>
      await Array.fromAsync(await Dataset.load(output, { split }), ({ inputIds }) => [...inputIds]);
    assertEquals(await runPython(SPLITS_SCRIPT, [output, `${folder}/cache`]), {
      train: await rows("train"),
      validation: await rows("validation"),
    });
  });
});

pythonTest("datasets reads by its name what was pushed to a hub", ["datasets"], async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `${i} ${"Good morrow, cousin. ".repeat(i % 7)}`);
  await using hub = new WritableHub();
  await withFiles({}, async (folder) => {
    const output = `${folder}/out`;
    await new DatasetBuilder({
      ...{ datasetName: { texts }, tokenizer: TOKENIZER, seqLen: SEQ_LEN, validation: 0.3, output },
      ...{ hfAccountRepo: "org/blocks", hub: { host: hub.host, token: hub.token } },
    }).buildDataset();
    const rows = async (split: string) =>
      await Array.fromAsync(await Dataset.load(output, { split }), ({ inputIds }) => [...inputIds]);
    const env = { HF_ENDPOINT: hub.host, HF_HOME: `${folder}/home` };
    assertEquals(await runPython(SPLITS_SCRIPT, ["org/blocks", `${folder}/cache`], undefined, env), {
      train: await rows("train"),
      validation: await rows("validation"),
    });
  });
});

pythonTest("the guide's lines of Python read both kinds of files", ["datasets", "numpy"], async () => {
  const guide = await Deno.readTextFile("docs/guide/datasets.md");
  const programs = [...guide.matchAll(/^```python\n(.*?)^```$/gms)].map(([, program = ""]) => program);
  assertEquals(programs.length, 2);
  await withFiles({}, async (folder) => {
    const options = { datasetName: "docs/guide", tokenizer: TOKENIZER, seqLen: SEQ_LEN };
    await new DatasetBuilder({ ...options, output: `${folder}/blocks` }).buildDataset();
    const dataset = await new DatasetBuilder({ ...options, format: "tokens", output: `${folder}/tokens` })
      .buildDataset();
    const ids = [...(await dataset.get(0)).inputIds];
    const place =
      "import json, os, sys; os.chdir(sys.argv[1]); os.environ['HF_DATASETS_CACHE'] = 'cache'; show = print\n";
    const tell =
      "\nprint = show; first = blocks[0]; first = first['input_ids'] if isinstance(first, dict) else first\n" +
      "print(json.dumps([len(blocks), [int(id) for id in first]]))";
    for (const program of programs) {
      const quiet = `print = lambda *shown: None\n${program}`;
      assertEquals(await runPython(`${place}${quiet}${tell}`, [folder]), [dataset.length, ids]);
    }
  });
});
