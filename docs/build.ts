/**
 * Builds the site: the guides with VitePress, and the reference of every export with `deno doc`.
 *
 *     deno task docs [folder] [base]
 *
 * The base is the path at which a server has the site, "/" where nothing is said.
 *
 * @module
 */

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
  await writeReference(`${site}/api`);
}

async function made(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}

/** Writes what the doc comments say of each entry of the package, by subject. */
async function writeReference(folder: string): Promise<void> {
  const { exports }: { exports: string | Readonly<Record<string, string>> } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const entries = Object.entries(
    typeof exports === "string" ? { ".": exports } : exports,
  );
  const work = await Deno.makeTempDir();
  try {
    // Pages bear the names of files: those of the entries, as they are imported.
    const files: string[] = [];
    for (const [entry, path] of entries) {
      const file = `${work}/${entry === "." ? "andromeda" : entry.slice("./".length).replaceAll("/", "_")}.d.ts`;
      await Deno.writeTextFile(
        file,
        `export * from "${new URL(path, ROOT)}";\n`,
      );
      files.push(file);
    }
    await deno([
      "doc",
      "--html",
      "--name=Andromeda",
      `--output=${folder}`,
      ...files,
    ], ROOT);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const accent = await Deno.readTextFile(
    new URL(".vitepress/theme/reference.css", DOCS),
  );
  await Deno.writeTextFile(`${folder}/styles.css`, accent, { append: true });
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
