/**
 * Finds the texts of a dataset, wherever they are.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { hasNodeModules } from "../../../host/node.ts";
import { kindOfPath, pathOfUrl } from "../../files/local_files.ts";
import { fetchedFile } from "./fetched_file.ts";
import { localFiles } from "./local_folder.ts";
import type { DatasetSource, SourceOptions, TextSource } from "./text_source.ts";

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
  if (/^https?:/.test(place)) return fetchedFile(new URL(place), options);
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
