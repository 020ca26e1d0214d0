/**
 * Builds a dataset in a process of its own, which prints a line when it begins:
 *
 *     deno run -A tests/datasets/build.ts <source> <folder> <options as JSON>
 *
 * @module
 */

import { DatasetBuilder } from "../../data/mod.ts";

const [datasetName = "", output = "", options = "{}"] = Deno.args;
console.log("begun");
await new DatasetBuilder({
  ...{ datasetName, output, tokenizer: "examples/shakespeare" },
  ...{ seqLen: 32, shardTokens: 640, remainder: "pad", ...JSON.parse(options) },
}).buildDataset();
