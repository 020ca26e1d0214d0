/**
 * Starts the command as a user starts it.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { deno, type Outcome, ROOT } from "../support/deno.ts";

const RUN = ["run", "-A", "cli/main.ts"];

/** Runs a command line to its end. */
export async function andromeda(...args: readonly string[]): Promise<Outcome> {
  return await deno([...RUN, ...args]);
}

/** Runs a command line to its end, and gives the object that it prints. */
export async function andromedaJson(...args: readonly string[]) {
  const { code, stdout, stderr } = await andromeda(...args, "--json");
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

/** Starts a command line. */
export function start(...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...RUN, ...args],
    cwd: fromFileUrl(ROOT),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Asserts that a command line ends with one clear line and nothing else. */
export async function assertFails(args: readonly string[], code: number, ...parts: string[]): Promise<void> {
  const outcome = await andromeda(...args);
  assertEquals(outcome.stdout, "");
  assertMatch(outcome.stderr, /^error: [^\n]+\n$/);
  for (const part of parts) assertStringIncludes(outcome.stderr, part);
  assertEquals(outcome.code, code);
}

/** Runs something with an empty folder, which is removed then. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_cli_" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
