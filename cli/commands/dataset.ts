/**
 * `andromeda dataset`: rows of tokens that a model can be trained on, from texts.
 *
 * @module
 */

import type { BuildOptions, BuildProgress, Dataset, DatasetBuilderOptions } from "../../mod.ts";
import type { JobOptions } from "../../data/datasets/jobs/mod.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { fallingBack, optional, toggle, type Values } from "../flags/flag.ts";
import { keyOf, number, path, text, wholeNumber } from "../flags/readers.ts";
import { json } from "../flags/shared.ts";
import { UsageError } from "../flags/usage_error.ts";
import { library, queues } from "../library.ts";
import { showBytes } from "../support/sizes.ts";
import { StatusLine } from "../terminal/status_line.ts";
import { print, printJson } from "../terminal/output.ts";

const PACKINGS = { concatenate: 0, bestFit: 0 };
const DEDUPES = { none: 0, exact: 0, near: 0 };
const REMAINDERS = { drop: 0, pad: 0, keep: 0 };
const FORMATS = { parquet: 0, tokens: 0 };
const BAD_ROWS = { error: 0, skip: 0 };

const flags = {
  dataset: optional(
    "<place>",
    "the texts: a file, a folder of files, the URL of a file, or org/name (required without --worker)",
    path,
  ),
  tokenizer: fallingBack("<place>", "the tokenizer: a folder, a URL or org/name", path, "EleutherAI/gpt-neox-20b"),
  out: optional("<folder>", "where the rows are written: a folder of their own (required without --worker)", path),
  seqLen: fallingBack("<n>", "tokens of a row", wholeNumber(2), 8192),
  numCpu: optional("<n>", "workers that tokenize; default: the processors of the host", wholeNumber(1)),
  config: optional("<name>", "the configuration of a dataset on the Hub that has several", text),
  revision: optional("<name>", "the branch, tag or commit of a dataset on the Hub; default: main", text),
  split: fallingBack("<name>", "the part of the dataset", text, "train"),
  textColumn: fallingBack("<name>", "the column of the texts, where rows have columns", text, "text"),
  endToken: optional("<token>", "the token after each text; default: the tokenizer's own", text),
  linePerDocument: toggle("take each line of a plain text for a document, not each file"),
  packing: fallingBack(
    "<how>",
    "how texts come into rows; bestFit cuts none that fits",
    keyOf(PACKINGS),
    "concatenate",
  ),
  remainder: optional(
    "<what>",
    "what becomes of tokens that fill no row at the end; default: drop, with bestFit pad",
    keyOf(REMAINDERS),
  ),
  minTokens: fallingBack("<n>", "leave texts with fewer tokens out", wholeNumber(0), 0),
  maxTokens: optional("<n>", "cut texts to as many tokens; default: none is cut", wholeNumber(1)),
  dedupe: fallingBack("<which>", "leave texts out that were there before, or nearly so", keyOf(DEDUPES), "none"),
  dedupeThreshold: fallingBack(
    "<share>",
    "common runs of words from which on texts are nearly equal",
    number((value) => value > 0 && value <= 1, "a number above 0 and up to 1"),
    0.8,
  ),
  shuffle: toggle("shuffle the texts of each shard"),
  seed: fallingBack("<n>", "what --shuffle and --validation draw from", wholeNumber(0), 0),
  validation: fallingBack(
    "<share>",
    "texts that are held out as the split validation",
    number((value) => value >= 0 && value < 1, "a number from 0 to below 1"),
    0,
  ),
  onBadRow: fallingBack("<what>", "what a row without a text does", keyOf(BAD_ROWS), "error"),
  push: optional("<org/name>", "push the dataset to the Hub, with the token in HF_TOKEN", text),
  private: toggle("let the repository be seen by its owners alone, if it has to be made"),
  format: fallingBack("<format>", "the files that rows are written into", keyOf(FORMATS), "parquet"),
  jobs: optional("<url>", "have workers tokenize, by jobs that they take from this Redis", text),
  parts: optional(
    "<place>",
    "where workers leave what they made: a folder or s3://bucket/prefix; default: <out>-parts",
    path,
  ),
  upload: optional("<place>", "with --jobs, copy the finished dataset to s3://bucket/prefix", text),
  worker: optional("<url>", "be a worker: do the jobs of this Redis until Ctrl-C", text),
  lostAfter: fallingBack(
    "<seconds>",
    "with --worker, when another one takes the job of one that is gone",
    number((value) => value >= 0.1, "a number from 0.1 on"),
    30,
  ),
  json,
};

/** The command. */
export const dataset = defineCommand({
  name: "dataset",
  summary: "Make rows of tokens of texts, ready for training",
  details:
    "Files are plain text, JSON lines, JSON, CSV, TSV or parquet, by the ends of their names, also with .gz or .zst. " +
    "With parquet the folder is one that Python's datasets loads. A build that was stopped goes on where its last " +
    "shard ended. With --jobs, workers on any machines tokenize, which --worker starts; all must see the texts and " +
    "--parts by the same paths.",
  examples: [
    "./books --tokenizer org/name --seq-len 2048 --out ./blocks",
    "org/name --config en --revision v1.0 --tokenizer ./mine --out ./blocks",
    "--dataset ./posts.jsonl --text-column body --tokenizer ./mine --out ./blocks --json",
    "./books --tokenizer org/name --out ./blocks --push org/blocks --private",
    "--worker redis://queue:6379",
    "./books --tokenizer ./mine --out ./blocks --jobs redis://queue:6379 --parts /shared/parts",
  ],
  flags,
  bare: "dataset",
  run: async (values, context) => {
    if (values.worker === undefined) return await build(values, context);
    const { dataset, out, jobs, parts, push, upload } = values;
    for (const [name, value] of Object.entries({ dataset, out, jobs, parts, push, upload })) {
      if (value !== undefined) throw new UsageError(`--worker does the jobs of others: leave --${name} out`);
    }
    return await work(values.worker, values, context);
  },
});

async function build(values: Values<typeof flags>, { signal }: CommandContext): Promise<number> {
  const { dataset, out, json, jobs, parts, upload, push, private: isPrivate, ...others } = values;
  const { worker: _worker, lostAfter: _lostAfter, ...options } = others;
  if (dataset === undefined) throw new UsageError(`Missing --dataset <place>: ${flags.dataset.help}`);
  if (out === undefined) throw new UsageError(`Missing --out <folder>: ${flags.out.help}`);
  if (upload !== undefined && jobs === undefined) throw new UsageError("--upload is for builds with --jobs: add it");
  const line = new StatusLine();
  const began = performance.now();
  let counts: Partial<BuildProgress> = {};
  try {
    const watched: BuildOptions = {
      signal,
      onProgress: (progress) => {
        counts = progress;
        line.show(describe(progress));
      },
      onPush: ({ whole: { loaded, total = 0 } }) =>
        line.show(`uploading: ${Math.floor(100 * loaded / Math.max(1, total))} % of ${showBytes(total)}`),
    };
    const wanted = {
      ...{ datasetName: dataset, output: out, hfAccountRepo: push, ...options },
      ...isPrivate ? { private: true } : {},
    };
    const built = jobs === undefined
      ? await new (await library()).DatasetBuilder(wanted).buildDataset(watched)
      : await buildByJobs(wanted, { redis: jobs, parts, upload, ...watched }, line);
    const seconds = (performance.now() - began) / 1000;
    const { texts = 0, skipped = 0, tooShort = 0, cut = 0, duplicates = 0, nearDuplicates = 0, tokens = 0 } = counts;
    const told = { texts, skipped, tooShort, cut, duplicates, nearDuplicates, tokens };
    const report = { dataset, out, rows: built.length, seqLen: built.seqLen, ...told, seconds };
    line.clear();
    if (json) await printJson(report);
    else {
      const omitted = tooShort + duplicates + nearDuplicates;
      const left = [
        skipped > 0 ? `, ${count(skipped)} rows skipped` : "",
        omitted > 0 ? `, ${count(omitted)} texts left out` : "",
      ].join("");
      await print(
        `${out}: ${count(built.length)} rows of ${count(built.seqLen)} tokens${left}, in ${seconds.toFixed(1)} s` +
          `${[upload, push].map((place) => place === undefined ? "" : `, uploaded to ${place}`).join("")}\n`,
      );
    }
    return 0;
  } finally {
    line.clear();
  }
}

/** Builds with workers; says so where there are none. */
async function buildByJobs(
  options: DatasetBuilderOptions,
  jobs: JobOptions,
  line: StatusLine,
): Promise<Dataset> {
  const { buildByJobs } = await queues();
  return await buildByJobs(options, {
    ...jobs,
    onWorkers: (workers) => {
      if (workers === 0) line.show("waits for workers: andromeda dataset --worker starts one");
    },
  });
}

/** Does jobs until it is told to end. */
async function work(
  redis: string,
  { numCpu, lostAfter, json }: Values<typeof flags>,
  { signal }: CommandContext,
): Promise<number> {
  const { runDatasetWorker } = await queues();
  const line = new StatusLine();
  let done = { jobs: 0, documents: 0, tokens: 0 };
  const tell = () => `${count(done.jobs)} jobs done: ${count(done.documents)} texts, ${count(done.tokens)} tokens`;
  line.show("waits for jobs");
  try {
    await runDatasetWorker({
      ...{ redis, numCpu, lostAfter: Math.round(1000 * lostAfter), signal },
      onProgress: (progress) => {
        done = progress;
        line.show(tell());
      },
    });
  } finally {
    line.clear();
  }
  if (json) await printJson(done);
  else await print(`${tell()}\n`);
  return 0;
}

/** How far a build is, in a line. */
function describe({ texts, tokens, tokensPerSecond, bytes, totalBytes, secondsLeft }: BuildProgress): string {
  const done = `${count(texts)} texts, ${count(tokens)} tokens, ${count(Math.round(tokensPerSecond))} tokens/s`;
  if (totalBytes === undefined || secondsLeft === undefined) return done;
  const share = Math.floor(100 * bytes / Math.max(1, totalBytes));
  return `${share} %: ${done}, ${duration(secondsLeft)} left`;
}

/** A time as a person says it. */
function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}
