/**
 * Installs the peers by npm in a temporary folder, outside the repository: nothing that ships depends on them.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";

/** What is compared, and a Node that has relaxed SIMD: 20 has none. */
export const VERSIONS = {
  "node": "26.10.0",
  "onnxruntime-web": "1.30.0",
  "@tensorflow/tfjs-core": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  "@jax-js/jax": "0.1.25",
  "@wllama/wllama": "3.8.1",
} as const;

/** Where the peers are. */
export interface Installed {
  /** URL of `node_modules/`. */
  readonly packages: string;
  /** Path of Node. */
  readonly node: string;
}

/** Installs the peers, once for each set of versions. @throws {Error} with npm's messages */
export async function installPeers(): Promise<Installed> {
  const wanted = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", "andromeda-peers");
  const modules = join(folder, "node_modules");
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
  return { packages: `${toFileUrl(modules).href}/`, node: join(modules, "node", "bin", "node") };
}
