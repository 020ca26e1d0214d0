/** The TypeScript files of the repository, and its texts. */

import { ROOT } from "./deno.ts";

/** Paths of the TypeScript files in a folder of the repository, or the path of one, from the root. */
export async function* sourcesIn(path: string): AsyncGenerator<string> {
  if (path.endsWith(".ts")) return yield path;
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${path}/`, ROOT))) {
    if (isDirectory || name.endsWith(".ts")) yield* sourcesIn(`${path}/${name}`);
  }
}

/** Paths of the Markdown files in a folder of the repository, from the root, without those of packages. */
export async function markdownIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    if (isDirectory && name !== "node_modules") paths.push(...await markdownIn(`${folder}/${name}`));
    else if (name.endsWith(".md")) paths.push(`${folder}/${name}`);
  }
  return paths.sort();
}
