/**
 * What a job says, and the names of what comes of it.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { DatasetError } from "../../../errors.ts";
import type { Dedupe } from "../filtering/document_filter.ts";
import type { SourceOptions } from "../sources/text_source.ts";
import { rangeName, type SourceRange } from "./plan.ts";

/** The release of the library: one of another might make other tokens. */
export const RELEASE = "0.1.0";

/** What the jobs of a build have in common. */
export interface BuildJobs {
  readonly release: string;
  /** The build, told from all others. */
  readonly build: string;
  /** The place of what workers make. */
  readonly parts: string;
  /** The source, as any machine finds it. */
  readonly dataset: string;
  readonly source: Pick<SourceOptions, "textColumn" | "isLinePerDocument" | "split" | "config" | "revision" | "commit">;
  /** The URL of the hub, where another is meant. */
  readonly host: string | undefined;
  /** SHA-256 of the tokenizer's file. */
  readonly tokenizer: string;
  /** The token after each text. */
  readonly endToken: string;
  readonly onBadRow: "error" | "skip";
  readonly dedupe: Dedupe;
}

/** A job: what a worker needs to know to make documents of a part of a source. */
export interface DatasetJob extends BuildJobs {
  readonly range: SourceRange;
  /** How many files the source has, and the path of the last one of the range. */
  readonly files: number;
  readonly lastFile: string;
}

/** What a worker says at the end of a job: with it the job counts as done. */
export interface JobRecord {
  /** Pieces that the documents are in. */
  readonly pieces: number;
  readonly documents: number;
  readonly tokens: number;
  /** Rows that were skipped behind the last document. */
  readonly skipped: number;
  /** Bytes of the source that were read. */
  readonly bytes: number;
}

/** The name of the record of a job. */
export function recordName(range: SourceRange): string {
  return `${rangeName(range)}.json`;
}

/** The name of a piece of a job. */
export function pieceName(range: SourceRange, piece: number): string {
  return `${rangeName(range)}.${piece}.bin`;
}

/** @throws {DatasetError} If it is no record. */
export function readRecord(bytes: Uint8Array, name: string): JobRecord {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (isJobRecord(value)) return value;
  throw new DatasetError(
    `Cannot read ${name}: it does not say what came of a job; remove it to have the job done anew`,
  );
}

function isJobRecord(value: unknown): value is JobRecord & Record<string, unknown> {
  return isRecord(value) &&
    ["pieces", "documents", "tokens", "skipped", "bytes"].every((name) => Number.isSafeInteger(value[name]));
}
