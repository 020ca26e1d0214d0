/** How the kernels' sources look, which `deno fmt` doesn't see. */

import { assertEquals } from "@std/assert";
import { filesBelow, formatScripts, SCRIPT_FOLDERS } from "../../assembly/build/format.ts";
import { ROOT } from "../support/deno.ts";

/** Columns of a line at most. */
const MOST_COLUMNS = 120;

/** Lines of files for which something holds, by place. */
async function linesWhere(paths: readonly string[], isWrong: (line: string) => boolean): Promise<string[]> {
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(new URL(path, ROOT))));
  return texts.flatMap((text, i) =>
    text.split("\n").flatMap((line, at) => isWrong(line) ? [`${paths[i]}:${at + 1}: ${line}`] : [])
  );
}

const scripts = SCRIPT_FOLDERS.flatMap((folder) => filesBelow(folder, ".ts"));
const shaders = filesBelow("gpu/kernels/", ".wgsl");

Deno.test("AssemblyScript is formatted as TypeScript is", async () => {
  const stale: string[] = [];
  for (const [path, text] of await formatScripts()) {
    if (await Deno.readTextFile(new URL(path, ROOT)) !== text) stale.push(path);
  }
  assertEquals(stale, [], 'run "deno task fmt"');
});

Deno.test("lines of kernels have at most 120 columns", async () => {
  assertEquals(await linesWhere([...scripts, ...shaders], (line) => [...line].length > MOST_COLUMNS), []);
});

Deno.test("WGSL is indented by two spaces, and no line ends with one", async () => {
  assertEquals(await linesWhere(shaders, (line) => /^( {2})* \S|\t|\s$/.test(line)), []);
  for (const path of shaders) {
    assertEquals(
      (await Deno.readTextFile(new URL(path, ROOT))).match(/\n*$/)?.[0],
      "\n",
      `${path} ends with one line break`,
    );
  }
});
