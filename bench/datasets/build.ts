/**
 * Builds a dataset in a process of its own, and prints what it took as JSON:
 *
 *     deno run -A bench/datasets/build.ts <source> <folder> <tokenizer> <workers> <tokens of a row>
 *
 * @module
 */

import { DatasetBuilder } from "../../mod.ts";

const [datasetName = "", output = "", tokenizer = "", numCpu, seqLen] = Deno.args;
const began = performance.now();
const { length: rows } = await new DatasetBuilder({
  ...{ datasetName, output, tokenizer },
  ...{ numCpu: Number(numCpu), seqLen: Number(seqLen) },
}).buildDataset();
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, rows }));
