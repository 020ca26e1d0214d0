/**
 * Formats AssemblyScript as `deno fmt` formats TypeScript. It can't be left to `deno fmt` alone, which drops decorators
 * of functions: they are hidden from it in comments.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const ROOT = new URL("../../", import.meta.url);

/** Folders of AssemblyScript, from the repository's root. */
export const SCRIPT_FOLDERS = ["assembly/kernels/", "bench/engine/kernels/", "tests/wasm/kernels/"];

/** Paths of files with an extension in a folder of the repository and those within it, in order. */
export function filesBelow(folder: string, extension: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return filesBelow(`${folder}${name}/`, extension);
    return name.endsWith(extension) ? [`${folder}${name}`] : [];
  }).sort();
}

/**
 * The AssemblyScript files as they should be, by their paths.
 *
 * @throws {Error} If one can't be parsed.
 */
export async function formatScripts(): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir();
  try {
    const { fmt } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ fmt: { lineWidth: fmt.lineWidth } }));
    const paths = SCRIPT_FOLDERS.flatMap((each) => filesBelow(each, ".ts"));
    const names = paths.map((_, i) => `${folder}/${i}.ts`);
    for (const [i, path] of paths.entries()) {
      const text = await Deno.readTextFile(new URL(path, ROOT));
      await Deno.writeTextFile(names[i] ?? "", text.replaceAll(/^(?=@\w)/gm, "// "));
    }
    const args = ["fmt", "--quiet", ...names];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder }).output();
    if (!success) throw new Error(`Cannot format AssemblyScript: ${new TextDecoder().decode(stderr)}`);
    const texts = await Promise.all(names.map((name) => Deno.readTextFile(name)));
    return new Map(paths.map((path, i) => [path, (texts[i] ?? "").replaceAll(/^\/\/ (?=@(?!ts-)\w)/gm, "")]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const [path, text] of await formatScripts()) {
    if (await Deno.readTextFile(new URL(path, ROOT)) === text) continue;
    await Deno.writeTextFile(new URL(path, ROOT), text);
    console.log(fromFileUrl(new URL(path, ROOT)));
  }
}
