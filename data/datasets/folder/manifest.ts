/**
 * What a folder says of the dataset in it: its shards, and how it was made.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { DatasetError } from "../../../errors.ts";
import type { TextCounts } from "../filtering/text_counts.ts";
import { type DatasetFormat, ENDINGS, isFormat } from "./format.ts";

/** The file that says it. */
export const MANIFEST = "andromeda_dataset.json";

/** The version of the file. */
const VERSION = 1;

/** A file of rows. */
export interface Shard {
  /** Its path in the folder. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

/** A part of a dataset. */
export interface Split {
  readonly name: string;
  readonly rows: number;
  /** Tokens that are no padding. */
  readonly tokens: number;
  readonly shards: readonly Shard[];
}

/** What is known of a shard before it has its name, which tells how many there are. */
export interface Part {
  readonly rows: number;
  /** Tokens that are no padding. */
  readonly tokens: number;
  readonly bytes: number;
}

/** A dataset in a folder. */
export interface Manifest {
  readonly format: DatasetFormat;
  readonly seqLen: number;
  readonly splits: readonly Split[];
  /** What became of the texts, where it was made of texts. */
  readonly texts?: TextCounts | undefined;
  /** Bytes of the files that it was made of, as far as they are known beforehand. */
  readonly sourceBytes?: number | undefined;
  /** What it was made from, and how. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

/** A part of a dataset, of shards in their order: they are named as Python's `datasets` names them. */
export function splitOf(name: string, parts: readonly Part[], format: DatasetFormat): Split {
  const five = (number: number) => String(number).padStart(5, "0");
  const shards = parts.map(({ rows, bytes }, i) => ({
    path: `data/${name}-${five(i)}-of-${five(parts.length)}${ENDINGS[format]}`,
    rows,
    bytes,
  }));
  return { name, ...totalOf(parts), shards };
}

/** Rows and tokens of shards. */
export function totalOf(parts: readonly Part[]): { readonly rows: number; readonly tokens: number } {
  return {
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}

/** The file's text. */
export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify({ version: VERSION, ...manifest }, null, 2)}\n`;
}

/**
 * Reads the file's text.
 *
 * @param name Its name in messages.
 * @throws {DatasetError} If it is none, or of a later version.
 */
export function readManifest(text: string, name: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DatasetError(`Cannot read ${name}: it is no JSON`, { cause });
  }
  if (isManifest(value)) return value;
  const version = isRecord(value) && typeof value["version"] === "number" ? value["version"] : undefined;
  if (version !== undefined && version > VERSION) {
    throw new DatasetError(
      `Cannot read ${name}: it is of version ${version}, and ${VERSION} is known; use a newer release`,
    );
  }
  throw new DatasetError(`Cannot read ${name}: it does not say what a dataset consists of; build it anew`);
}

function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value) || value["version"] !== VERSION || !Array.isArray(value["splits"])) return false;
  return isFormat(value["format"]) && Number.isSafeInteger(value["seqLen"]) && isRecord(value["recipe"]) &&
    value["splits"].every(isSplit);
}

function isSplit(value: unknown): value is Split {
  if (!isRecord(value) || typeof value["name"] !== "string" || !Array.isArray(value["shards"])) return false;
  return ["rows", "tokens"].every((name) => Number.isSafeInteger(value[name])) && value["shards"].every(isShard);
}

function isShard(value: unknown): value is Shard {
  return isRecord(value) && typeof value["path"] === "string" &&
    ["rows", "bytes"].every((name) => Number.isSafeInteger(value[name]));
}
