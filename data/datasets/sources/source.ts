/**
 * The texts that a dataset is made of, in a fixed order.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { hasNodeModules } from "../../../host/node.ts";
import { kindOfPath, pathOfUrl } from "../../files/local_files.ts";
import type { HubOptions } from "../../hub/hub_options.ts";
import type { RowOptions, TextRow } from "../formats/rows.ts";
import { fetchedFile } from "./fetched_file.ts";
import { localFiles } from "./local_folder.ts";

/**
 * Where texts come from: a file or a folder of files, the URL of a file, or texts at hand.
 *
 * @category Datasets
 */
export type DatasetSource = string | URL | { readonly texts: AsyncIterable<string> | Iterable<string> };

/** How texts are found. */
export interface SourceOptions extends RowOptions {
  /** The part of the dataset, such as "train". */
  readonly split: string;
  /** How files are fetched. */
  readonly hub: HubOptions;
}

/** A file of texts. */
export interface TextFile {
  /** Its name in messages, which tells it from the others. */
  readonly name: string;
  /** Its rows, from a row on. */
  rows(from: number): AsyncGenerator<TextRow>;
}

/** Texts that can be read again from any row of any file, unless they come from an iterable. */
export interface TextSource {
  readonly description: string;
  readonly files: readonly TextFile[];
  /** Whether the texts can be read only once, so that a build of them can't be resumed. */
  readonly once: boolean;
}

/**
 * Finds texts.
 *
 * @throws {DatasetError} Where there are none.
 */
export async function openTextSource(source: DatasetSource, options: SourceOptions): Promise<TextSource> {
  if (isRecord(source) && "texts" in source) return iterableSource(source["texts"]);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new DatasetError(`Cannot read texts from ${show(source)}: give a path, a URL or { texts }`);
  }
  const place = String(source);
  if (/^https?:/.test(place)) return await fetchedFile(new URL(place), options);
  const path = /^file:/.test(place) ? pathOfUrl(new URL(place)) : place;
  if (hasNodeModules() && await kindOfPath(path) !== "nothing") return await localFiles(path, options);
  throw new DatasetError(
    `Cannot read texts from ${show(place)}: there is no such file or folder; give a path that exists, or a URL`,
  );
}

function iterableSource(texts: unknown): TextSource {
  const isIterable = typeof texts === "object" && texts !== null &&
    (Symbol.asyncIterator in texts || Symbol.iterator in texts);
  if (!isIterable) throw new DatasetError(`Cannot read texts from ${show(texts)}: give an iterable of strings`);
  const name = "the texts";
  return {
    description: name,
    once: true,
    files: [{
      name,
      async *rows(from) {
        let row = -1;
        for await (const text of texts as AsyncIterable<unknown> | Iterable<unknown>) {
          row += 1;
          if (row < from) continue;
          if (typeof text === "string") yield { row, text };
          else {yield {
              row,
              fault: new DatasetError(`Cannot read text ${row}: expected a string, and it is ${show(text)}`),
            };}
        }
      },
    }],
  };
}
