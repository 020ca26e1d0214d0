/**
 * Gathers the WGSL files of `kernels/` into `generated/kernels.ts`: browsers without a bundler can't import text.
 *
 *     deno run -A gpu/build.ts
 *
 * @module
 */

/** The module that holds every kernel's text. */
export async function generateKernels(): Promise<string> {
  const folder = new URL("./kernels/", import.meta.url);
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".wgsl")) names.push(entry.name.slice(0, -".wgsl".length));
  }
  const entries = await Promise.all(
    names.sort().map(async (name) => {
      const text = await Deno.readTextFile(new URL(`${name}.wgsl`, folder));
      return `  ${name}: ${JSON.stringify(text.trimEnd()).replaceAll("\\n", '\\n" +\n    "')},\n`;
    }),
  );
  return [
    "// deno-fmt-ignore-file\n",
    "// Made from gpu/kernels/*.wgsl by `deno task build`; not to be edited.\n\n",
    "/** Kernels and snippets by the name of their file. */\n",
    "export const KERNELS: Readonly<Record<string, string>> = {\n",
    ...entries,
    "};\n",
  ].join("");
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("./generated/kernels.ts", import.meta.url), await generateKernels());
}
