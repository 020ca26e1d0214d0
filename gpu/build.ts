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
  const files: { readonly name: string; readonly url: URL }[] = [];
  for await (const room of Deno.readDir(folder)) {
    for await (const { name } of Deno.readDir(new URL(`${room.name}/`, folder))) {
      if (name.endsWith(".wgsl")) {
        files.push({ name: name.slice(0, -".wgsl".length), url: new URL(`${room.name}/${name}`, folder) });
      }
    }
  }
  const entries = await Promise.all(
    files.sort((a, b) => a.name < b.name ? -1 : 1).map(async ({ name, url }) => {
      const text = await Deno.readTextFile(url);
      return `  ${name}: ${JSON.stringify(text.trimEnd()).replaceAll("\\n", '\\n" +\n    "')},\n`;
    }),
  );
  return [
    "// deno-fmt-ignore-file\n",
    "// Made from gpu/kernels/*/*.wgsl by `deno task build`; not to be edited.\n\n",
    "/** Kernels and snippets by the name of their file. */\n",
    "export const KERNELS: Readonly<Record<string, string>> = {\n",
    ...entries,
    "};\n",
  ].join("");
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("./generated/kernels.ts", import.meta.url), await generateKernels());
}
