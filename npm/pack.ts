/**
 * Makes the npm package: what `deno pack` makes of the library, the command `andromeda`, and entries for what some
 * hosts must import as files, which are the compiled kernels and the workers' script.
 *
 *     deno task pack [folder]
 *
 * @module
 */

import { BUILD_NAMES } from "../assembly/machine/builds.ts";
import { WORKERS } from "../host/build.ts";
import { BIN_PATH, bundleCommand, bundlePackages, COMMAND_FILES, writeLicenses } from "./bundles.ts";
import { run } from "./run.ts";

const GENERATED = "./assembly/generated";

/** The part of a package.json that is changed here. */
interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, { readonly types: string }>>;
  /** What is imported of other packages, which is bundled. */
  readonly dependencies?: unknown;
}

/** Files that are imported, not read: where they are in the package, and their types. */
const ENTRIES: readonly { readonly name: string; readonly path: string; readonly types: string }[] = [
  ...BUILD_NAMES.map((build) => ({
    name: `./${build}.wasm`,
    path: `${GENERATED}/${build}.wasm`,
    types: `/** Kernels, for \`createBackend("wasm", { wasm: { "${build}": kernels } })\`. */
declare const kernels: object;
export default kernels;
`,
  })),
  {
    name: "./worker.js",
    path: `${GENERATED}/worker.js`,
    types: "/** The script of the CPU engine's workers, for `workerUrl`. */\nexport {};\n",
  },
];

/**
 * Writes the package's tarball into a folder.
 *
 * @returns Its path.
 * @throws {Error} With the message of the program that failed.
 */
export async function pack(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ prefix: "andromeda_pack_" });
  try {
    const file = `${work}/packed.tgz`;
    await run(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", file]);
    await run("tar", ["xzf", file, "-C", work]);
    const root = `${work}/package`;
    const packed: PackageJson = JSON.parse(await Deno.readTextFile(`${root}/package.json`));
    const { name, version, exports } = packed;
    await bundleCommand(root);
    await bundlePackages(root);
    await writeLicenses(root);
    await Deno.writeTextFile(`${root}/package.json`, JSON.stringify(withEntries(packed), null, 2) + "\n");
    for (const { path, types } of ENTRIES) await Deno.writeTextFile(`${root}/${typesOf(path)}`, types);
    // Models and sessions have a `Symbol.dispose`, which TypeScript's libraries before "esnext" don't.
    for (const { types } of Object.values(exports)) {
      const declarations = await Deno.readTextFile(`${root}/${types}`);
      await Deno.writeTextFile(`${root}/${types}`, `/// <reference lib="esnext.disposable" />\n${declarations}`);
    }
    const tarball = `${folder}/${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
    await run("tar", ["czf", tarball, "-C", work, "package"]);
    return tarball;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Where the types of a file are. */
function typesOf(path: string): string {
  return `${path}.d.ts`;
}

function withEntries({ dependencies: _bundled, ...packageJson }: PackageJson): object {
  const entries = ENTRIES.map(({ name, path }) => [name, { types: typesOf(path), default: path }]);
  // Bundlers leave out what is not used: importing a module does nothing, but for programs of their own.
  const sideEffects = [...Object.values(WORKERS).map((path) => `./${path}.js`), COMMAND_FILES];
  const bin = { andromeda: BIN_PATH };
  return { ...packageJson, bin, sideEffects, exports: { ...packageJson.exports, ...Object.fromEntries(entries) } };
}

if (import.meta.main) console.log(await pack(Deno.args[0] ?? "dist"));
