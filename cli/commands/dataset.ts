/**
 * `andromeda dataset`: rows of tokens that a model can be trained on, from texts.
 *
 * @module
 */

import type { BuildProgress } from "../../mod.ts";
import { defineCommand } from "../command.ts";
import { fallingBack, optional, required, toggle } from "../flags/flag.ts";
import { keyOf, number, path, text, wholeNumber } from "../flags/readers.ts";
import { json } from "../flags/shared.ts";
import { library } from "../library.ts";
import { showBytes } from "../support/sizes.ts";
import { StatusLine } from "../terminal/status_line.ts";
import { print, printJson } from "../terminal/output.ts";

const PACKINGS = { concatenate: 0, bestFit: 0 };
const DEDUPES = { none: 0, exact: 0, near: 0 };
const REMAINDERS = { drop: 0, pad: 0, keep: 0 };
const FORMATS = { parquet: 0, tokens: 0 };
const BAD_ROWS = { error: 0, skip: 0 };

/** The command. */
export const dataset = defineCommand({
  name: "dataset",
  summary: "Make rows of tokens of texts, ready for training",
  details:
    "Files are plain text, JSON lines, JSON, CSV, TSV or parquet, by the ends of their names, also with .gz or .zst. " +
    "With parquet the folder is one that Python's datasets loads. A build that was stopped goes on where its last " +
    "shard ended.",
  examples: [
    "./books --tokenizer org/name --seq-len 2048 --out ./blocks",
    "org/name --config en --revision v1.0 --tokenizer ./mine --out ./blocks",
    "--dataset ./posts.jsonl --text-column body --tokenizer ./mine --out ./blocks --json",
    "./books --tokenizer org/name --out ./blocks --push org/blocks --private",
  ],
  flags: {
    dataset: required("<place>", "the texts: a file, a folder of files, the URL of a file, or org/name", path),
    tokenizer: fallingBack("<place>", "the tokenizer: a folder, a URL or org/name", path, "EleutherAI/gpt-neox-20b"),
    out: required("<folder>", "where the rows are written: a folder of their own", path),
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
    json,
  },
  bare: "dataset",
  run: async ({ dataset, out, push, json, private: isPrivate, ...options }, { signal }) => {
    const { DatasetBuilder } = await library();
    const builder = new DatasetBuilder({
      ...{ datasetName: dataset, output: out, hfAccountRepo: push, ...options },
      ...isPrivate ? { private: true } : {},
    });
    const line = new StatusLine();
    const began = performance.now();
    let counts: Partial<BuildProgress> = {};
    try {
      const built = await builder.buildDataset({
        signal,
        onProgress: (progress) => {
          counts = progress;
          line.show(describe(progress));
        },
        onPush: ({ whole: { loaded, total = 0 } }) =>
          line.show(`pushing to ${push}: ${Math.floor(100 * loaded / Math.max(1, total))} % of ${showBytes(total)}`),
      });
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
            `${push === undefined ? "" : `, pushed to ${push}`}\n`,
        );
      }
      return 0;
    } finally {
      line.clear();
    }
  },
});

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
