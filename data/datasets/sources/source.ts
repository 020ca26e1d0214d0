/**
 * Finds the texts of a dataset, wherever they are.
 *
 * @module
 */

import { isRecord } from "../../../common/record.ts";
import { show } from "../../../common/show.ts";
import { DatasetError } from "../../../errors.ts";
import { type Place, placeOf } from "../../files/place.ts";
import { isReadable, placesEvery, readableEndings, rowsOf } from "../formats/rows.ts";
import { filesOfPart } from "./card_files.ts";
import { countedSource } from "./counted_source.ts";
import { type DatasetFile, type DatasetFiles, datasetFiles } from "./dataset_files.ts";
import { filesOfSplit } from "./splits.ts";
import type { DatasetSource, SourceOptions, TextFile, TextSource } from "./text_source.ts";

/**
 * Finds texts.
 *
 * @throws {DatasetError} Where there are none.
 */
export async function openTextSource(source: DatasetSource, options: SourceOptions): Promise<TextSource> {
  if (isRecord(source) && "texts" in source) return iterableSource(source["texts"]);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new DatasetError(`Cannot read texts from ${show(source)}: give a path, a URL, "org/name" or { texts }`);
  }
  const place = withRevision(await placeOf(source, DatasetError), options);
  const all = await datasetFiles(place, { ...options.hub, signal: options.signal ?? options.hub.signal });
  const files = filesOf(all, place, options).map((file) => textFile(file, options));
  return { description: all.description, once: false, files, commit: all.commit };
}

/** The place with the revision of the options, which only a hub's datasets have. */
function withRevision(place: Place, { revision, config, commit }: SourceOptions): Place {
  if (place.kind === "hub") {
    const { repo } = place;
    return { ...place, repo: { ...repo, revision: commit ?? revision ?? repo.revision } };
  }
  const [name, value] = config === undefined ? ["revision", revision] : ["config", config];
  if (value === undefined) return place;
  throw new DatasetError(
    `Cannot use ${name} = ${show(value)} with a path or a URL: datasets on the Hugging Face Hub have it; leave it out`,
  );
}

/** The files that texts are read from, in a fixed order. */
function filesOf({ files, card, description }: DatasetFiles, { kind }: Place, options: SourceOptions): DatasetFile[] {
  if (kind === "file" || kind === "url") return [...files];
  const byPath = new Map(files.map((file) => [file.path, file]));
  const pick = (paths: readonly string[]) => paths.flatMap((path) => byPath.get(path) ?? []);
  if (kind === "hub") return pick(filesOfPart(card, [...byPath.keys()], options, description));
  const readable = [...byPath.keys()].filter(isReadable);
  if (readable.length > 0) return pick(filesOfSplit(readable, options.split, description));
  throw new DatasetError(`Cannot read texts from ${description}: no file in it ends with ${readableEndings()}`);
}

function textFile({ path, size, open }: DatasetFile, options: SourceOptions): TextFile {
  return {
    name: path,
    ...size && { size },
    rows: async function* (from, onRead) {
      const source = await open();
      try {
        yield* rowsOf(countedSource(source, onRead), from, options);
      } finally {
        await source.close();
      }
    },
    placesEvery: async function* (bytes) {
      const source = await open();
      try {
        yield* placesEvery(bytes, source, options);
      } finally {
        await source.close();
      }
    },
  };
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
      async *rows({ row: from }) {
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
      async *placesEvery() {},
    }],
  };
}
