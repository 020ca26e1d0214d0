/** The TypeScript files of the repository. */

import { ROOT } from "./deno.ts";

/** Paths of the TypeScript files in a folder of the repository, or the path of one, from the root. */
export async function* sourcesIn(path: string): AsyncGenerator<string> {
  if (path.endsWith(".ts")) return yield path;
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${path}/`, ROOT))) {
    if (isDirectory || name.endsWith(".ts")) yield* sourcesIn(`${path}/${name}`);
  }
}
