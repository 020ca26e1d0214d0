/**
 * Reads changed files for a bounded time, apart from the test, so that one that never ends can be ended.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { Draw } from "../../engine/self_test/call.ts";
import * as library from "../../mod.ts";
import { FILE_KINDS, type FileCase } from "./file_cases.ts";
import type { FileRun } from "./files_test.ts";

/** The error classes that callers are told of. */
const NAMED = Object.values(library).filter((value) =>
  typeof value === "function" && value.prototype instanceof Error
) as (new () => Error)[];

/** Bytes that a case may take: as many as any, and so many times its file. */
const FREE_BYTES = 200 * 2 ** 20;
const TIMES = 100;

const isLinux = Deno.build.os === "linux";

function memory(name: "VmRSS" | "VmHWM"): number {
  const [, kilobytes] = new RegExp(`${name}:\\s+(\\d+)`).exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number(kilobytes) * 1024;
}

/** Runs a case, and says what is wrong with its outcome. */
async function faultOf({ size, read }: FileCase): Promise<string | undefined> {
  const before = isLinux ? memory("VmRSS") : 0;
  if (isLinux) Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  try {
    await read();
  } catch (error) {
    if (!NAMED.some((named) => error instanceof named)) {
      return `an error of no named class: ${error instanceof Error ? error.stack : error}`;
    }
    const { message } = error as Error;
    if (message.length < 20 || message.length > 10_000) return `a message of ${message.length} characters: ${message}`;
  }
  const taken = isLinux ? memory("VmHWM") - before : 0;
  return taken > FREE_BYTES + TIMES * size ? `${taken} bytes of memory for a file of ${size}` : undefined;
}

// The run is the worker's name: a message could come before the modules above are ready.
const { name, seconds, firstSeed, fewest }: FileRun = JSON.parse(self.name);
const kind = await FILE_KINDS[name]!();
const end = performance.now() + 1000 * seconds;
let fault: string | undefined;
let seed = firstSeed;
for (; fault === undefined && (seed < firstSeed + fewest || performance.now() < end); seed++) {
  self.postMessage({ seed });
  fault = await faultOf(await kind.draw(new Draw(Math.imul(seed, 0x9e3779b1))));
}
await kind.close?.();
self.postMessage({ seed: seed - 1, ended: true, fault });
