/**
 * Texts to build datasets from: plays, guides and sources, in pieces of about 3,000 characters in an order that a seed
 * decides, each with a number of its own, as JSON lines.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const ROOT = new URL("../../", import.meta.url);
const PLAYS = new URL("../shared/data/tinyshakespeare.txt", ROOT);
const FOLDERS = ["docs/guide/", "data/text/", "data/datasets/", "models/layers/", "serve/"];
const PIECE = 3000;
/** Texts of a write. */
const LINES = 1000;

async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) paths.push(...await filesBelow(`${folder}${name}/`));
    else if (/\.(ts|md)$/.test(name)) paths.push(`${folder}${name}`);
  }
  return paths.sort();
}

async function pieces(): Promise<string[]> {
  const paths = (await Promise.all(FOLDERS.map(filesBelow))).flat();
  const files = await Promise.all(paths.map((path) => Deno.readTextFile(new URL(path, ROOT))));
  const plays = await Deno.readTextFile(PLAYS).catch((cause) => {
    throw new Error(`Cannot read ${fromFileUrl(PLAYS)}: it comes beside the repository`, { cause });
  });
  const text = [plays, ...files].join("\n\n");
  return Array.from({ length: Math.floor(text.length / PIECE) }, (_, i) => text.slice(i * PIECE, (i + 1) * PIECE));
}

/**
 * Writes a file of texts.
 *
 * @param bytes Those of the texts themselves, about.
 * @returns Those that were written as texts.
 */
export async function writeTexts(path: string, bytes: number): Promise<number> {
  const all = await pieces();
  const encoder = new TextEncoder();
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  let [index, written] = [0, 0];
  while (written < bytes) {
    let lines = "";
    for (let i = 0; i < LINES && written < bytes; i++, index++) {
      // A step that shares no factor with the number of pieces visits all, in another order each time.
      const text = `${index}\n${all[index * 7919 % all.length]}${
        all[index * 104729 % all.length]?.slice(0, index % 200)
      }`;
      written += encoder.encode(text).length;
      lines += `${JSON.stringify({ text })}\n`;
    }
    await writer.write(encoder.encode(lines));
  }
  writer.releaseLock();
  return written;
}
