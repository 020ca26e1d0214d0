/**
 * What the npm package needs of others is bundled into it, so that it depends on none: the command `andromeda`, and the
 * modules that read and write parquet, or take jobs from a queue. The licenses of what it holds are beside it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { run } from "./run.ts";

const ENTRY = "cli/main.ts";

/** The modules that hand on what others export. */
const PACKAGES = "data/datasets/packages";

/** Those that pages never load, because they need sockets. */
const OF_SERVERS = ["bullmq.ts"];

/** Which of them are bundled for what. */
const PLATFORMS: Readonly<Record<string, (name: string) => boolean>> = {
  browser: (name) => !OF_SERVERS.includes(name),
  deno: (name) => OF_SERVERS.includes(name),
};

/** What stays outside of the bundle: the other entries of the package, as `cli/library.ts` imports them. */
const EXTERNALS = Object.values(config.exports).filter((path) => path !== `./${ENTRY}`)
  .map((path) => `--external=.${path}`);

/** The lock file of what is bundled. */
const LOCK = ["--frozen", "--lock=cli/deno.lock"];

/** What npm links to; the entry itself starts nothing where `import.meta.main` does not exist. */
const BIN = `#!/usr/bin/env node
import process from "node:process";
import { main } from "./main.js";

process.exitCode = await main(process.argv.slice(2));
`;

/** The path of the executable in the package. */
export const BIN_PATH = "./cli/bin.js";

/** The files of the package that do something when they are imported. */
export const COMMAND_FILES = "./cli/*.js";

/** A package that is bundled. */
interface Bundled {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
}

/** Replaces the modules of `cli/` in a package by a bundle, which imports the package's own modules and no others. */
export async function bundleCommand(root: string): Promise<void> {
  const folder = `${root}/cli`;
  const types = await Deno.readTextFile(`${folder}/main.d.ts`);
  await Deno.remove(folder, { recursive: true });
  const flags = ["--quiet", "--platform=deno", "--code-splitting", ...EXTERNALS, `--outdir=${folder}`];
  await run(Deno.execPath(), ["bundle", ...LOCK, ...flags, ENTRY]);
  for await (const { name } of Deno.readDir(folder)) {
    const source = await Deno.readTextFile(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/${name}`, source.replaceAll(/(import\("\.\.\/[\w/]+)\.ts"\)/g, '$1.js")'));
  }
  await Deno.writeTextFile(`${folder}/main.d.ts`, types);
  await Deno.writeTextFile(`${folder}/bin.js`, BIN, { mode: 0o755 });
}

/** Replaces the modules that hand on what other packages export by what they hand on. */
export async function bundlePackages(root: string): Promise<void> {
  const folder = `${root}/${PACKAGES}`;
  await Deno.remove(folder, { recursive: true });
  const names = (await Array.fromAsync(Deno.readDir(PACKAGES))).map(({ name }) => name).toSorted();
  for (const [platform, isHere] of Object.entries(PLATFORMS)) {
    const entries = names.filter(isHere).map((name) => `${PACKAGES}/${name}`);
    const flags = ["--quiet", "--minify", `--platform=${platform}`, "--code-splitting", `--outdir=${folder}`];
    await run(Deno.execPath(), ["bundle", ...LOCK, ...flags, ...entries]);
  }
}

/** Writes the licenses of what is bundled beside the package's own. */
export async function writeLicenses(root: string): Promise<void> {
  await Deno.writeTextFile(`${root}/BUNDLED_LICENSES.txt`, await licenses());
}

/** The licenses of what is bundled. */
async function licenses(): Promise<string> {
  const { npmPackages }: { npmPackages: Readonly<Record<string, Bundled>> } = JSON.parse(
    await run(Deno.execPath(), ["info", "--json", ...LOCK, ENTRY]),
  );
  const texts = await Promise.all(Object.values(npmPackages).map(licenseOf));
  return `Files of this package hold code of these packages.\n\n${texts.filter((text) => text !== "").join("\n")}`;
}

/** The license of a package; nothing of one that is not here, because it is a binary for other machines. */
async function licenseOf({ name, version, localPath }: Bundled): Promise<string> {
  if (!await Deno.stat(localPath).then(() => true, () => false)) return "";
  const { license }: { license: string } = JSON.parse(await Deno.readTextFile(`${localPath}/package.json`));
  const files = (await Array.fromAsync(Deno.readDir(localPath))).filter((file) => /^licen[cs]e/i.test(file.name));
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(`${localPath}/${file.name}`)));
  return [`## ${name} ${version}: ${license}\n`, ...texts].join("\n");
}
