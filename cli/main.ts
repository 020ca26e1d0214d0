/**
 * The command `andromeda`: text, a server, and a model's insides on the command line of Deno, Node and Bun.
 *
 * @example
 * ```ts
 * import { main } from "./main.ts";
 *
 * console.log(await main(["generate", "--no-such-flag"])); // 2
 * ```
 *
 * @module
 */

import process from "node:process";
import { UsageError } from "./flags/usage_error.ts";
import { readCommandLine } from "./program.ts";
import { Interruption } from "./terminal/interruption.ts";
import { hearStreamErrors, isClosedPipe, print, printNote } from "./terminal/output.ts";

/**
 * Runs a command line: what it makes goes to stdout, all else to stderr.
 *
 * @param args The arguments, without the program's name.
 * @returns The exit code: 0 where all went well, 1 where something failed, 2 for a command line that can't be followed,
 * and 128 with the signal's number after a signal.
 *
 * @category Serving
 */
export async function main(args: readonly string[]): Promise<number> {
  hearStreamErrors();
  const interruption = new Interruption();
  try {
    const line = await readCommandLine(args);
    if ("command" in line) return await line.command.run(line.values, { signal: interruption.signal });
    await print(line.text);
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) return interruption.code;
    if (isClosedPipe(error)) return 0;
    await printNote(`error: ${oneLine(error)}`);
    return isUsage(error) ? 2 : 1;
  } finally {
    interruption.stop();
  }
}

/** Whether what was asked for is wrong in itself: the command line, or options for a model that can't take them. */
function isUsage(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof Error && error.name === "ConfigError");
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ");
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
