/**
 * How datasets are built.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { processors } from "../../host/processors.ts";
import type { AndromedaTokenizer } from "../text/tokenizer.ts";
import type { TokenizerFileOptions, TokenizerSource } from "../text/tokenizer_files.ts";
import type { Dedupe } from "./filtering/document_filter.ts";
import { type DatasetFormat, ENDINGS } from "./folder/format.ts";
import type { Remainder } from "./packing/packer.ts";
import type { Packing } from "./packing/row_maker.ts";
import { VALIDATION } from "./splits.ts";
import type { DatasetSource } from "./sources/text_source.ts";

/**
 * How a dataset is built.
 *
 * @category Data
 */
export interface DatasetBuilderOptions {
  /**
   * Where the texts are: a file, a folder of files, the URL of a file, "org/name" on the Hugging Face Hub, or
   * `{ texts }`. A path that exists goes before a name. Files are plain text, JSON lines, JSON, CSV, TSV or parquet, by
   * the ends of their names; all but parquet may be compressed with gzip or zstd. The first row of CSV and TSV names
   * the columns. Files on a server are read as they come, of parquet only the columns that are needed, and no copies
   * are kept.
   */
  readonly datasetName: DatasetSource;
  /** The configuration of a dataset on the Hub. Default: the one that its card calls the default, or its only one. */
  readonly config?: string | undefined;
  /**
   * The branch, tag or commit of a dataset on the Hub. Default "main". A build that goes on reads the commit that it
   * began with.
   */
  readonly revision?: string | undefined;
  /** Tokens of a row. Default 8192. */
  readonly seqLen?: number | undefined;
  /**
   * Workers that tokenize, at most. With 1, and where the host starts none, texts are tokenized in place. Datasets are
   * the same with any number. Default: the processors of the host.
   */
  readonly numCpu?: number | undefined;
  /** The tokenizer, or where it is. Default "EleutherAI/gpt-neox-20b". */
  readonly tokenizer?: TokenizerSource | AndromedaTokenizer | undefined;
  /** The token after each text. Default: the tokenizer's own, `<|endoftext|>` for GPT-NeoX. */
  readonly endToken?: string | undefined;
  /** The column of the texts, where rows have columns. Default "text". */
  readonly textColumn?: string | undefined;
  /** The part of the dataset. Default "train". */
  readonly split?: string | undefined;
  /** Whether each line of a plain text is a document, and not each file. Default false. */
  readonly linePerDocument?: boolean | undefined;
  /** How documents come into rows. Default "concatenate". */
  readonly packing?: Packing | undefined;
  /**
   * What becomes of the tokens that fill no whole row at the end. Default "drop"; with `packing: "bestFit"` all rows
   * are padded, and nothing else can be asked for.
   */
  readonly remainder?: Remainder | undefined;
  /** Documents with fewer tokens, their end token counted, are left out. Default 0. */
  readonly minTokens?: number | undefined;
  /** Longer documents are cut to as many tokens, of which the last is the end token. Default: none is cut. */
  readonly maxTokens?: number | undefined;
  /** Which documents are left out as those that were there before; that is remembered in memory. Default "none". */
  readonly dedupe?: Dedupe | undefined;
  /**
   * With `dedupe: "near"` the share of their runs of five words that two documents have in common, of all that one of
   * them has, for one to be left out. It is estimated. Above 0 and up to 1. Default 0.8.
   */
  readonly dedupeThreshold?: number | undefined;
  /**
   * Whether the documents of each shard come in an order drawn from `seed`. A document stays in its shard, or the next
   * one, so that memory holds as many as a shard takes; `Dataset.batches` has an order of all rows. Default false.
   */
  readonly shuffle?: boolean | undefined;
  /** What `shuffle` and `validation` draw from. Default 0. */
  readonly seed?: number | undefined;
  /**
   * The share of the documents that are held out, below 1: they make the split "validation" of the same folder, which
   * `Dataset.load` opens by its name. Default 0.
   */
  readonly validation?: number | undefined;
  /** Whether a row without a text ends the build, or is skipped and counted. Default "error". */
  readonly onBadRow?: "error" | "skip" | undefined;
  /** The files that rows are written into. Default "parquet". */
  readonly format?: DatasetFormat | undefined;
  /** The folder that the dataset is written into. Without one it is kept in memory. */
  readonly output?: string | undefined;
  /** Tokens of a shard, about. Default 2^24. */
  readonly shardTokens?: number | undefined;
  /**
   * "org/name" on the Hugging Face Hub: the dataset is pushed there when it is built, and replaces one that is there.
   * The token of `hub`, or HF_TOKEN, has to allow it.
   */
  readonly hfAccountRepo?: string | undefined;
  /** Whether the repository is seen by its owners alone, if it has to be made. Default: as the account has it. */
  readonly private?: boolean | undefined;
  /** How files are fetched. */
  readonly hub?: TokenizerFileOptions | undefined;
}

/** The options without a default. */
type Open = "config" | "revision" | "endToken" | "maxTokens" | "output" | "hfAccountRepo" | "private";

/** The same, with the defaults. */
export type BuilderSettings =
  & { readonly [Name in Exclude<keyof DatasetBuilderOptions, Open>]-?: NonNullable<DatasetBuilderOptions[Name]> }
  & { readonly [Name in Open]: DatasetBuilderOptions[Name] };

/** The least value of numbers. */
const LEAST = [["seqLen", 2], ["numCpu", 1], ["shardTokens", 1], ["minTokens", 0], ["maxTokens", 1]] as const;

const CHOICES = {
  packing: ["concatenate", "bestFit"],
  remainder: ["drop", "pad", "keep"],
  dedupe: ["none", "exact", "near"],
  onBadRow: ["error", "skip"],
  format: Object.keys(ENDINGS),
} as const;

/** @throws {ConfigError} Where a value is none that there is. */
export function readChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (choices.some((choice) => choice === value)) return;
  throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be one of ${choices.map(show).join(", ")}`);
}

/** @throws {ConfigError} Where a text can't be the name of a split. */
export function readSplit(split: string): void {
  if (typeof split === "string" && /^\w+$/.test(split)) return;
  throw new ConfigError(`Cannot use split = ${show(split)}: it must consist of letters, digits and "_"`);
}

/**
 * Fills the defaults in.
 *
 * @throws {ConfigError} For an option that there is not, or a value out of its range.
 */
export function readBuilderOptions(options: DatasetBuilderOptions): BuilderSettings {
  const settings: BuilderSettings = {
    datasetName: options.datasetName,
    config: options.config,
    revision: options.revision,
    seqLen: options.seqLen ?? 8192,
    numCpu: options.numCpu ?? processors(),
    tokenizer: options.tokenizer ?? "EleutherAI/gpt-neox-20b",
    endToken: options.endToken,
    textColumn: options.textColumn ?? "text",
    split: options.split ?? "train",
    linePerDocument: options.linePerDocument ?? false,
    packing: options.packing ?? "concatenate",
    remainder: options.remainder ?? (options.packing === "bestFit" ? "pad" : "drop"),
    minTokens: options.minTokens ?? 0,
    maxTokens: options.maxTokens,
    dedupe: options.dedupe ?? "none",
    dedupeThreshold: options.dedupeThreshold ?? 0.8,
    shuffle: options.shuffle ?? false,
    seed: options.seed ?? 0,
    validation: options.validation ?? 0,
    onBadRow: options.onBadRow ?? "error",
    format: options.format ?? "parquet",
    output: options.output,
    shardTokens: options.shardTokens ?? 1 << 24,
    hfAccountRepo: options.hfAccountRepo,
    private: options.private,
    hub: options.hub ?? {},
  };
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(settings, name)) {
      throw new ConfigError(`Cannot use the option ${name}: DatasetBuilder has ${Object.keys(settings).join(", ")}`);
    }
  }
  for (const [name, least] of LEAST) {
    const value = settings[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be a whole number >= ${least}`);
  }
  for (const [name, choices] of Object.entries(CHOICES)) {
    readChoice(name, settings[name as keyof typeof CHOICES], choices);
  }
  for (const name of ["textColumn", "config", "revision", "hfAccountRepo"] as const) {
    if (settings[name] === undefined || (typeof settings[name] === "string" && settings[name] !== "")) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(settings[name])}: it must be a text`);
  }
  readSplit(settings.split);
  refuseCombinations(settings);
  return settings;
}

/** @throws {ConfigError} Where a number is out of its range, or options don't fit together. */
function refuseCombinations(settings: BuilderSettings): void {
  const { packing, remainder, minTokens, maxTokens, dedupeThreshold, seed, split, validation, output } = settings;
  const refuse = (name: string, value: unknown, rule: string): never => {
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: ${rule}`);
  };
  if (packing === "bestFit" && remainder !== "pad") refuse("remainder", remainder, 'packing "bestFit" pads all rows');
  if (maxTokens !== undefined && maxTokens < minTokens) {
    refuse("maxTokens", maxTokens, `it must not be below minTokens = ${minTokens}`);
  }
  if (!(dedupeThreshold > 0 && dedupeThreshold <= 1)) {
    refuse("dedupeThreshold", dedupeThreshold, "it must be above 0 and up to 1");
  }
  if (!Number.isSafeInteger(seed)) refuse("seed", seed, "it must be a whole number");
  if (!(validation >= 0 && validation < 1)) refuse("validation", validation, "it must be a share from 0 to below 1");
  if (validation > 0 && output === undefined) {
    refuse("validation", validation, "it needs output; without, split the dataset that is built by Dataset.split");
  }
  if (validation > 0 && split === VALIDATION) {
    refuse("split", split, "what is held out gets this name; set validation 0");
  }
}
