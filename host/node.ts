/**
 * Node's modules, on hosts that have them. They are asked of the process and never imported, because bundlers for pages
 * stop at an import of `node:`.
 *
 * @module
 */

import { BackendUnavailableError } from "../errors.ts";

/** The modules that the library uses. */
interface NodeModules {
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:os": typeof import("node:os");
  readonly "node:path": typeof import("node:path");
  readonly "node:process": typeof import("node:process");
  readonly "node:stream": typeof import("node:stream");
  readonly "node:url": typeof import("node:url");
  readonly "node:worker_threads": typeof import("node:worker_threads");
  readonly "node:zlib": typeof import("node:zlib");
}

/** What tells a host, where it has it. */
interface Host {
  readonly navigator?: { readonly userAgent?: string };
  readonly process?: NodeProcess;
}

interface NodeProcess {
  readonly versions?: { readonly node?: string };
  getBuiltinModule?<Name extends keyof NodeModules>(name: Name): NodeModules[Name];
}

/**
 * Whether this host has Node's modules, and with them files and worker threads: Node, Deno and Bun do, pages and edge
 * workers don't. Cloudflare's have modules of these names, but files that last for a request, and no threads.
 */
export function hasNodeModules(): boolean {
  const { process, navigator } = globalThis as Host;
  return process?.versions?.node !== undefined && navigator?.userAgent !== "Cloudflare-Workers";
}

/**
 * A module of Node's; call it where `hasNodeModules()`.
 *
 * @throws {BackendUnavailableError} In a Node before 20.16.
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  const { process } = globalThis as Host;
  if (process?.getBuiltinModule) return process.getBuiltinModule(name);
  throw new BackendUnavailableError(
    `Cannot use ${name}: this host is Node ${process?.versions?.node}, and 20.16 is the oldest that works; use a newer one`,
  );
}
