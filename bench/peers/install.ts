/**
 * Installs the peers by npm in temporary folders, outside the repository: nothing that ships depends on them.
 *
 * @module
 */

import { join, toFileUrl } from "@std/path";

/** The packages on WebAssembly that are compared, and a Node with relaxed SIMD, which Node 20 lacks. */
export const VERSIONS = {
  "node": "26.10.0",
  "onnxruntime-web": "1.30.0",
  "@tensorflow/tfjs-core": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  "@jax-js/jax": "0.1.25",
  "@wllama/wllama": "3.8.1",
} as const;

/** The engines that are native code. */
export const NATIVE = ["onnxruntime_node", "node_llama_cpp"] as const;

/** An engine that is native code. */
export type Native = typeof NATIVE[number];

/**
 * The packages of native engines. node-llama-cpp has its binaries in packages of their own: this machine's is named,
 * because by itself npm takes a gigabyte of those for GPUs too.
 */
export const NATIVE_VERSIONS: Readonly<Record<Native, Readonly<Record<string, string>>>> = {
  onnxruntime_node: { "onnxruntime-node": "1.30.0" },
  node_llama_cpp: {
    "node-llama-cpp": "3.21.1",
    [`@node-llama-cpp/${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`]: "3.21.1",
  },
};

/** The places of the peers. */
export interface Installed {
  /** URL of `node_modules/`. */
  readonly packages: string;
  /** Path of Node. */
  readonly node: string;
}

/**
 * Installs the peers, once for each set of versions.
 *
 * @throws {Error} With npm's messages.
 */
export async function installPeers(): Promise<Installed> {
  const modules = await install("andromeda-peers", VERSIONS);
  return { packages: `${toFileUrl(modules).href}/`, node: join(modules, "node", "bin", "node") };
}

/**
 * Installs a native peer by itself, because not every machine can. Its scripts only fetch what is for GPUs.
 *
 * @returns URL of its `node_modules/`.
 * @throws {Error} With npm's messages.
 */
export async function installNative(name: Native): Promise<string> {
  const modules = await install(`andromeda-peers-${name}`, NATIVE_VERSIONS[name], [
    "--ignore-scripts",
    "--omit=optional",
  ]);
  return `${toFileUrl(modules).href}/`;
}

/**
 * Installs packages of npm in a temporary folder of this name, once for each set of versions.
 *
 * @param flags More flags of npm.
 * @returns Path of `node_modules`.
 * @throws {Error} With npm's messages.
 */
export async function install(
  name: string,
  versions: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<string> {
  const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", name);
  const stamp = join(folder, "installed");
  if (await Deno.readTextFile(stamp).catch(() => "") !== wanted.join(" ")) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "package.json"), "{}");
    const { success, stderr } = await new Deno.Command("npm", {
      args: [
        "install",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--save-exact",
        "--loglevel=error",
        ...flags,
        ...wanted,
      ],
      cwd: folder,
    }).output();
    if (!success) throw new Error(`Cannot install ${wanted.join(", ")}: ${new TextDecoder().decode(stderr)}`);
    await Deno.writeTextFile(stamp, wanted.join(" "));
  }
  return join(folder, "node_modules");
}
