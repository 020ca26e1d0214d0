/**
 * Builds the page of `examples/page` for the site, from the npm package as its readers build it, with the demo's model.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { pack } from "../npm/pack.ts";

const EXAMPLES = fromFileUrl(new URL("../examples/", import.meta.url));

/**
 * Writes the page into a folder, where any static server shows it.
 *
 * @throws {Error} With the output of the program that failed.
 */
export async function buildPage(folder: string): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "andromeda_page_" });
  try {
    await copy(`${EXAMPLES}page`, `${work}/page`);
    await copy(`${EXAMPLES}shakespeare`, `${work}/page/public/model`);
    const page = `${work}/page`;
    await npm(["install", "--no-audit", "--no-fund", "--ignore-scripts", await pack(work)], page);
    await npm(["exec", "--", "vite", "build", "--logLevel", "warn", "--outDir", folder], page);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Copies a folder, without what was built or installed in it. */
async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name === "node_modules" || name === "dist") continue;
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("npm", { args: [...args], cwd }).output();
  if (success) return;
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`Cannot build the page: npm ${args[0]} failed\n${output}`);
}
