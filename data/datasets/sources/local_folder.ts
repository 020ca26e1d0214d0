/**
 * Texts of files in a folder, and of a file by itself.
 *
 * @module
 */

import { DatasetError } from "../../../errors.ts";
import { nodeModule } from "../../../host/node.ts";
import { type ByteSource, messageOf } from "../../files/byte_source.ts";
import { fileSource, joinPath, kindOfPath } from "../../files/local_files.ts";
import { isReadable, readableEndings, rowsOf } from "../formats/rows.ts";
import { countedSource } from "./counted_source.ts";
import type { SourceOptions, TextFile, TextSource } from "./text_source.ts";
import { filesOfSplit } from "./splits.ts";

/**
 * Opens the files below a path, in the order of their names.
 *
 * @throws {DatasetError} Where none can be read.
 */
export async function localFiles(path: string, options: SourceOptions): Promise<TextSource> {
  if (await kindOfPath(path) === "file") {
    return { description: path, once: false, files: [localFile(path, path, options)] };
  }
  const all = (await namesBelow(path)).filter(isReadable).toSorted();
  if (all.length === 0) {
    throw new DatasetError(`Cannot read texts from ${path}: no file in it ends with ${readableEndings()}`);
  }
  const names = filesOfSplit(all, options.split, path);
  return { description: path, once: false, files: names.map((name) => localFile(name, joinPath(path, name), options)) };
}

function localFile(name: string, path: string, options: SourceOptions): TextFile {
  return {
    name,
    size: async () => (await open(path)).size,
    rows: async function* (from, onRead) {
      yield* rowsOf(countedSource(await open(path), onRead), from, options);
    },
  };
}

async function open(path: string): Promise<ByteSource> {
  const source = await fileSource(path, DatasetError);
  if (source) return source;
  throw new DatasetError(`Cannot read ${path}: it was removed meanwhile`);
}

/** Paths of the files below a folder, from there on, with "/" between their parts. Hidden files are left out. */
async function namesBelow(folder: string): Promise<string[]> {
  const { readdir } = nodeModule("node:fs/promises");
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new DatasetError(`Cannot read ${folder}: ${messageOf(cause)}`, { cause });
  });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    if (!entry.isDirectory()) names.push(entry.name);
    else names.push(...(await namesBelow(joinPath(folder, entry.name))).map((name) => `${entry.name}/${name}`));
  }
  return names;
}
