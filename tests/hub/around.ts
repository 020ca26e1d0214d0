/** Helpers that tests of the hub share. */

import { assertEquals } from "@std/assert";
import { readAll } from "../../data/files/byte_source.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { HubServer } from "./hub_server.ts";

/** The repository that a server has. */
export const repo = { repo: "org/name" };

/** A way to keep copies: in a folder, in the Cache API as browsers do, or not at all. */
export interface Keeping {
  readonly name: "folder" | "storage" | "none";
  readonly size: number;
  /** Status of a file that is sent whole: pages ask for all of it as a range. */
  readonly whole: 200 | 206;
}

/** The Cache API keeps parts of 16 MB. */
export const keepings: readonly Keeping[] = [
  { name: "folder", size: 300_000, whole: 200 },
  { name: "storage", size: 20_000_000, whole: 206 },
  { name: "none", size: 300_000, whole: 200 },
];

/** The surroundings of a test. */
export interface Surroundings {
  readonly server: HubServer;
  readonly options: HubOptions;
  /** The folder of the cache. */
  readonly folder: string;
  /** Fetches a file and reads it. */
  fetch(file: string, options?: HubOptions): Promise<Uint8Array | undefined>;
  /** Files in the folder of the cache. */
  files(): string[];
}

/** Runs a test beside a server of its own, in a page's surroundings where copies are kept as pages keep them. */
export async function around(keeping: Keeping["name"], run: (around: Surroundings) => Promise<void>): Promise<void> {
  const server = new HubServer();
  const folder = await Deno.makeTempDir();
  const cacheName = `test-${crypto.randomUUID()}`;
  const process = Reflect.get(globalThis, "process");
  const location = Object.getOwnPropertyDescriptor(globalThis, "location");
  if (keeping === "storage") {
    Reflect.deleteProperty(globalThis, "process");
    Object.defineProperty(globalThis, "location", { value: new URL("http://localhost/"), configurable: true });
  }
  const cache = { folder, storage: cacheName, none: false as const }[keeping];
  const options = { host: server.host, cache, retryDelay: 1 };
  const fetch = async (file: string, more: HubOptions = {}) => {
    const source = await fetchHubFile(repo, file, { ...options, ...more });
    return source && await readAll(source);
  };
  const files = () => filesBelow(folder);
  try {
    await run({ server, options, folder, fetch, files });
  } finally {
    Object.defineProperty(globalThis, "process", { value: process, configurable: true, writable: true });
    if (location !== undefined) Object.defineProperty(globalThis, "location", location);
    await server.close();
    await caches.delete(cacheName);
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of the files in a folder and those in it. */
export function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [name]
  );
}

/** Compares bytes; faster than `assertEquals` for many. */
export function assertSame(found: Uint8Array | undefined, expected: Uint8Array): void {
  assertEquals(found?.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (found![i] !== expected[i]) assertEquals(found![i], expected[i], `byte ${i}`);
  }
}
