/**
 * Builds a dataset in a process of its own, which prints a line when it begins:
 *
 *     deno run -A tests/datasets/build.ts <source> <folder> <options as JSON> [options of jobs as JSON]
 *
 * @module
 */

import { DatasetBuilder } from "../../data/mod.ts";
import { buildByJobs } from "../../data/datasets/jobs/mod.ts";

const [datasetName = "", output = "", options = "{}", jobs] = Deno.args;
const all = {
  ...{ datasetName, output, tokenizer: "examples/shakespeare" },
  ...{ seqLen: 32, shardTokens: 640, remainder: "pad", ...JSON.parse(options) },
};
console.log("begun");
if (jobs === undefined) await new DatasetBuilder(all).buildDataset();
else await buildByJobs(all, JSON.parse(jobs));
