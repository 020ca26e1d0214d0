/**
 * Installs the peers by npm in a temporary folder, outside the repository: nothing that ships depends on them.
 *
 * @module
 */

import { join, toFileUrl } from "@std/path";

/** The packages that are compared, and a Node with relaxed SIMD, which Node 20 lacks. */
export const VERSIONS = {
  "node": "26.10.0",
  "onnxruntime-web": "1.30.0",
  "@tensorflow/tfjs-core": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  "@jax-js/jax": "0.1.25",
  "@wllama/wllama": "3.8.1",
} as const;

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
 * Installs packages of npm in a temporary folder of this name, once for each set of versions.
 *
 * @returns Path of `node_modules`.
 * @throws {Error} With npm's messages.
 */
export async function install(name: string, versions: Readonly<Record<string, string>>): Promise<string> {
  const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", name);
  const stamp = join(folder, "installed");
  if (await Deno.readTextFile(stamp).catch(() => "") !== wanted.join(" ")) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "package.json"), "{}");
    const { success, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--no-save", "--save-exact", "--loglevel=error", ...wanted],
      cwd: folder,
    }).output();
    if (!success) throw new Error(`Cannot install the peers: ${new TextDecoder().decode(stderr)}`);
    await Deno.writeTextFile(stamp, wanted.join(" "));
  }
  return join(folder, "node_modules");
}
