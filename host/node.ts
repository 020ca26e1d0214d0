/**
 * Whether a host has Node's modules.
 *
 * @module
 */

/**
 * Whether this host has Node's modules, and with them files and worker threads: Node, Deno and Bun do, pages and most edge
 * workers don't. Asked before any import, because browsers report a refused import on the console.
 */
export function hasNodeModules(): boolean {
  const process: unknown = Reflect.get(globalThis, "process");
  if (typeof process !== "object" || process === null) return false;
  const versions: unknown = Reflect.get(process, "versions");
  return typeof versions === "object" && versions !== null && "node" in versions;
}
