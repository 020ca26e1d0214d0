/**
 * Which files belong to a part of a dataset, by their names.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";

/** What parts are called, as the Python package `datasets` has it. */
const SPLITS: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};

/**
 * The files of a part. Names say it as "train.jsonl", "data/train-00000-of-00002.parquet" or "train/part.txt" do; where
 * no name says anything, all files are for training.
 *
 * @throws {DatasetError} Where there is no such part.
 */
export function filesOfSplit(names: readonly string[], split: string, place: string): string[] {
  const words = SPLITS[split] ?? [split];
  const ofSplit = names.filter((name) => hasWord(name, words));
  if (ofSplit.length > 0) return ofSplit;
  const parts = Object.entries(SPLITS).filter(([, words]) => names.some((name) => hasWord(name, words)));
  if (split === "train" && parts.length === 0) return [...names];
  const known = parts.map(([part]) => JSON.stringify(part)).join(", ") || '"train"';
  throw new DatasetError(`Cannot read the split ${JSON.stringify(split)} of ${place}: it has ${known}`);
}

function hasWord(name: string, words: readonly string[]): boolean {
  return name.toLowerCase().split(/[^a-z\d]+|(?<=[a-z])(?=\d)/).some((word) => words.includes(word));
}
