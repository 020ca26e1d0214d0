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
import type { Remainder } from "./packing/packer.ts";
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
  /** What becomes of the tokens that fill no whole row at the end. Default "drop". */
  readonly remainder?: Remainder | undefined;
  /** Whether a row without a text ends the build, or is skipped and counted. Default "error". */
  readonly onBadRow?: "error" | "skip" | undefined;
  /** The folder that the dataset is written into. Without one it is kept in memory. */
  readonly output?: string | undefined;
  /** Tokens of a shard, about. Default 2^24. */
  readonly shardTokens?: number | undefined;
  /** How files are fetched. */
  readonly hub?: TokenizerFileOptions | undefined;
}

/** The options without a default. */
type Open = "config" | "revision" | "endToken" | "output";

/** The same, with the defaults. */
export type BuilderSettings =
  & { readonly [Name in Exclude<keyof DatasetBuilderOptions, Open>]-?: NonNullable<DatasetBuilderOptions[Name]> }
  & { readonly [Name in Open]: DatasetBuilderOptions[Name] };

const CHOICES = { remainder: ["drop", "pad", "keep"], onBadRow: ["error", "skip"] } as const;

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
    remainder: options.remainder ?? "drop",
    onBadRow: options.onBadRow ?? "error",
    output: options.output,
    shardTokens: options.shardTokens ?? 1 << 24,
    hub: options.hub ?? {},
  };
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(settings, name)) {
      throw new ConfigError(`Cannot use the option ${name}: DatasetBuilder has ${Object.keys(settings).join(", ")}`);
    }
  }
  for (const [name, least] of [["seqLen", 2], ["numCpu", 1], ["shardTokens", 1]] as const) {
    if (Number.isSafeInteger(settings[name]) && settings[name] >= least) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(settings[name])}: it must be a whole number >= ${least}`);
  }
  for (const name of ["textColumn", "split"] as const) {
    if (typeof settings[name] === "string" && settings[name] !== "") continue;
    throw new ConfigError(`Cannot use ${name} = ${show(settings[name])}: it must be a text`);
  }
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = settings[name as keyof typeof CHOICES];
    if ((choices as readonly string[]).includes(value)) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(value)}: it must be one of ${choices.map(show).join(", ")}`);
  }
  for (const name of ["config", "revision"] as const) {
    if (settings[name] === undefined || (typeof settings[name] === "string" && settings[name] !== "")) continue;
    throw new ConfigError(`Cannot use ${name} = ${show(settings[name])}: it must be a text`);
  }
  if (!/^\w+$/.test(settings.split)) {
    throw new ConfigError(`Cannot use split = ${show(settings.split)}: it must consist of letters, digits and "_"`);
  }
  return settings;
}
