/**
 * Makes the npm package: what `deno pack` makes of the library, and entries for what some hosts must import as files,
 * which are the compiled kernels and the workers' script.
 *
 *     deno task pack [folder]
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { BUILD_NAMES } from "../assembly/machine/builds.ts";

const ROOT = new URL("../", import.meta.url);
const GENERATED = "./assembly/generated";

/** The part of a package.json that is changed here. */
interface PackageJson {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly sideEffects?: readonly string[];
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
    const packed = `${work}/packed.tgz`;
    await run(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", packed]);
    await run("tar", ["xzf", packed, "-C", work]);
    const root = `${work}/package`;
    const text = await Deno.readTextFile(`${root}/package.json`);
    const { name, version }: { name: string; version: string } = JSON.parse(text);
    await Deno.writeTextFile(`${root}/package.json`, JSON.stringify(withEntries(JSON.parse(text)), null, 2) + "\n");
    for (const { path, types } of ENTRIES) await Deno.writeTextFile(`${root}/${typesOf(path)}`, types);
    // Models and sessions have a `Symbol.dispose`, which TypeScript's libraries before "esnext" don't.
    const declarations = await Deno.readTextFile(`${root}/mod.d.ts`);
    await Deno.writeTextFile(`${root}/mod.d.ts`, `/// <reference lib="esnext.disposable" />\n${declarations}`);
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

function withEntries(packageJson: PackageJson): PackageJson {
  const entries = ENTRIES.map(({ name, path }) => [name, { types: typesOf(path), default: path }]);
  // Bundlers leave out what is not used: importing a module does nothing, but for the workers' script.
  const sideEffects = [`${GENERATED}/worker.js`];
  return { ...packageJson, sideEffects, exports: { ...packageJson.exports, ...Object.fromEntries(entries) } };
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], cwd: fromFileUrl(ROOT) }).output();
  if (!success) throw new Error(`Cannot pack: ${program} ${args[0]} said ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) console.log(await pack(Deno.args[0] ?? "dist"));
