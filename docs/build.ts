/**
 * Builds the site: the guides with VitePress, the reference of every export with `deno doc`, and the page that readers
 * try it on. Needs npm.
 *
 *     deno task docs [folder] [base]
 *
 * The base is the path at which a server has the site, "/" where nothing is said.
 *
 * @module
 */

import { buildPage } from "./page.ts";

const DOCS = new URL("./", import.meta.url);
const ROOT = new URL("../", DOCS);

/**
 * Writes the site into a folder, which is made anew. Packages are fetched where they are not in Deno's cache.
 *
 * @throws {Error} With the output of the program that failed.
 */
export async function buildSite(folder: string, base = "/"): Promise<void> {
  const site = await Deno.realPath(await made(folder));
  await deno(["install", "--quiet", "--frozen"], DOCS);
  await deno([
    "run",
    "-A",
    "npm:vitepress",
    "build",
    ".",
    "--outDir",
    site,
    "--base",
    base,
  ], DOCS);
  await Deno.copyFile(new URL("examples/page/src/icon.svg", ROOT), `${site}/icon.svg`);
  await writeReference(`${site}/api`);
  await buildPage(`${site}/page`);
}

async function made(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}

/** Writes what the doc comments say of the package's exports, by subject. */
async function writeReference(folder: string): Promise<void> {
  const { exports }: { exports: string | Readonly<Record<string, string>> } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const entries = typeof exports === "string" ? [exports] : Object.values(exports);
  const work = await Deno.makeTempDir();
  try {
    // Entries are documented as one, because subjects belong to a file.
    const all = `${work}/andromeda.d.ts`;
    await Deno.writeTextFile(all, entries.map((path) => `export * from "${new URL(path, ROOT)}";\n`).join(""));
    await deno(["doc", "--html", "--name=Andromeda", `--output=${folder}`, all], ROOT);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  await Deno.copyFile(new URL(".vitepress/theme/reference.css", DOCS), `${folder}/andromeda.css`);
  await restyle(folder, "./");
}

/** Gives pages of `deno doc` the look of the guides, and a way back to them. */
async function restyle(folder: string, up: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await restyle(path, `${up}../`);
    if (!name.endsWith(".html")) continue;
    const html = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      withNames(html)
        .replace(
          "</head>",
          `<link rel="icon" href="${up}../icon.svg"><link rel="stylesheet" href="${up}andromeda.css"></head>`,
        )
        .replace('<button id="theme-toggle"', `<a class="guides" href="${up}../index.html">Guides</a>$&`),
    );
  }
}

/** Pages without paths of this machine, whose examples import from the package. */
function withNames(html: string): string {
  // Where an example imports from above too, the module beside it is that of another entry.
  const beside = html.includes("../mod.ts&quot;") ? "@andromeda/runtime/serve" : "@andromeda/runtime";
  return html
    .replaceAll(/<a\s+class="sourceButton".*?<\/a>/gs, "")
    .replaceAll(/&quot;(?:\.\.\/)+mod\.ts&quot;/g, "&quot;@andromeda/runtime&quot;")
    .replaceAll("&quot;./mod.ts&quot;", `&quot;${beside}&quot;`);
}

async function deno(args: readonly string[], cwd: URL): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
  }).output();
  if (success) return;
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(
    `Cannot build the site: deno ${args.join(" ")} failed\n${output}`,
  );
}

if (import.meta.main) {
  const [folder = "dist/site", base] = Deno.args;
  await buildSite(folder, base);
  console.log(`${folder}/index.html; any static server shows it`);
}
