/**
 * Fills `generated/`: modules made from the kernels' declarations, and the compiled kernels. These are one wasm for
 * each of {plain, relaxed} SIMD × {unshared, shared} memory, and a module that carries it, deflated, as base64 for
 * hosts that load code from anywhere.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { deflateRawSync } from "node:zlib";
import asc from "npm:assemblyscript@0.28.20/asc";
import { kernelModules } from "./build/kernel_modules.ts";
import { BUILD_NAMES, BUILDS, type WasmBuild } from "./machine/builds.ts";

const FOLDER = new URL("./", import.meta.url);
const ROOT = new URL("../", import.meta.url);
const ENTRY = "assembly/kernels/run.ts";
/** The fewest pages of a memory. If none are declared, V8 checks every access twice (28 instead of 39 GFLOP/s). */
const INITIAL_PAGES = "64";
const MAXIMUM_PAGES = "65536";

/** The compiler's options of a build. */
function flags(build: WasmBuild): string[] {
  const { relaxed, shared } = BUILDS[build];
  return [
    ...["--enable", "simd", ...(relaxed ? ["--enable", "relaxed-simd"] : [])],
    ...["--importMemory", "--initialMemory", INITIAL_PAGES],
    ...(shared ? ["--enable", "threads", "--sharedMemory", "--maximumMemory", MAXIMUM_PAGES] : []),
    ...["--runtime", "stub", "--noAssert", "-O3", "--converge"],
  ];
}

/** What is generated from the kernels' declarations, by path from this folder on. */
export async function generateModules(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const path of filesBelow("kernels/")) {
    sources.set(path.replace("kernels/", ""), await Deno.readTextFile(new URL(path, FOLDER)));
  }
  return new Map([...kernelModules(sources)].map(([name, text]) => [`generated/${name}`, text]));
}

/** SHA-256 over what is compiled and the compiler's options, in hexadecimal. */
export async function hashSources(): Promise<string> {
  const parts = [JSON.stringify(BUILD_NAMES.map(flags))];
  const shared = ["constants", "kernel_id", "team_layout"].map((name) => `records/${name}.ts`);
  const generated = ["kernel", "dispatch"].map((name) => `generated/${name}.ts`);
  for (const path of [...shared, ...generated, ...filesBelow("kernels/")]) {
    parts.push(path, await Deno.readTextFile(new URL(path, FOLDER)));
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Paths of the files in a folder and those within it, in order. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, FOLDER))]
    .flatMap(({ name, isDirectory }) => isDirectory ? filesBelow(`${folder}${name}/`) : [`${folder}${name}`])
    .sort();
}

/**
 * Compiles an AssemblyScript file of this repository as one build.
 *
 * @param generated Sources that are not on disk, by their path in the repository.
 * @throws {Error} With the compiler's messages.
 */
export async function compile(
  entry: string,
  build: WasmBuild,
  generated: ReadonlyMap<string, string> = new Map(),
): Promise<Uint8Array> {
  const written: Uint8Array[] = [];
  const { error, stderr } = await asc.main([entry, "--outFile", "kernels.wasm", ...flags(build)], {
    readFile: (name: string) => generated.get(name) ?? Deno.readTextFile(new URL(name, ROOT)).catch(() => null),
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (contents instanceof Uint8Array) written.push(contents);
    },
    listFiles: () => [],
  });
  const [wasm] = written;
  if (error || !wasm) throw new Error(`Cannot compile ${entry} as ${build}: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}

/** Compiles the kernels as one build. */
export function compileKernels(build: WasmBuild): Promise<Uint8Array> {
  return compile(ENTRY, build);
}

/**
 * Makes one script of the workers' code.
 *
 * @throws {Error} With the bundler's messages.
 */
export async function bundleWorker(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--no-lock", "--platform", "browser", "--minify", "assembly/machine/worker.ts"],
    cwd: fromFileUrl(ROOT),
  }).output();
  if (!success) throw new Error(`Cannot bundle assembly/machine/worker.ts: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function generate(): Promise<void> {
  await Deno.mkdir(new URL("generated", FOLDER), { recursive: true });
  for (const [path, text] of await generateModules()) await Deno.writeTextFile(new URL(path, FOLDER), text);
  const sources = await hashSources();
  for (const build of BUILD_NAMES) {
    const wasm = await compileKernels(build);
    await Deno.writeFile(new URL(`generated/${build}.wasm`, FOLDER), wasm);
    await Deno.writeTextFile(new URL(`generated/${build}.ts`, FOLDER), module(sources, wasm));
    console.log(`${build}: ${wasm.length} bytes`);
  }
  const script = await bundleWorker();
  await Deno.writeTextFile(new URL("generated/worker.js", FOLDER), script);
  await Deno.writeTextFile(new URL("generated/worker_text.ts", FOLDER), workerModule(script));
  console.log(`worker: ${script.length} bytes`);
}

function workerModule(script: string): string {
  return `// Generated by \`deno task build\`; not to be edited.

/** What assembly/machine/worker.ts becomes as one script. */
export const script: string =
  ${JSON.stringify(script)};
`;
}

function module(sources: string, wasm: Uint8Array): string {
  return `// Generated by \`deno task build\`; not to be edited.

/** SHA-256 of the sources that this was made from. */
export const sources: string =
  "${sources}";
/** The wasm, deflated, in base64. */
export const wasm: string =
  "${new Uint8Array(deflateRawSync(wasm, { level: 9 })).toBase64()}";
`;
}

if (import.meta.main) await generate();
