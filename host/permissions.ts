/**
 * What a program may ask of its host without asking the user. Deno would stop and ask at whatever it was not allowed;
 * what the library does unasked, it does only where that has been granted.
 *
 * @module
 */

import { hasNodeModules, nodeModule } from "./node.ts";

/** What the library does unasked. */
type Permission =
  | { readonly name: "env"; readonly variable: string }
  | { readonly name: "read" | "write"; readonly path: string }
  | { readonly name: "sys"; readonly kind: "homedir" }
  | { readonly name: "run" };

/** Whether something is allowed already. Hosts without permissions allow everything. */
export function isGranted(permission: Permission): boolean {
  const { Deno: deno } = globalThis as { Deno?: typeof Deno };
  // Other hosts imitate parts of Deno, such as its name.
  if (deno?.permissions?.querySync === undefined) return true;
  return deno.permissions.querySync(permission).state === "granted";
}

/** An environment variable, on hosts that have them and let us read it. An empty one counts as missing. */
export function environment(name: string): string | undefined {
  if (!hasNodeModules() || !isGranted({ name: "env", variable: name })) return undefined;
  const { env } = nodeModule("node:process");
  return env[name] || undefined;
}

/** The folder for caches of the user's programs, where it may be found out. */
export function cacheFolder(): string | undefined {
  const given = environment("XDG_CACHE_HOME");
  if (given !== undefined || !hasNodeModules()) return given;
  if (!isGranted({ name: "sys", kind: "homedir" })) return undefined;
  return nodeModule("node:path").join(nodeModule("node:os").homedir(), ".cache");
}
