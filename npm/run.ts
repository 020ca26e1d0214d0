/**
 * Programs that packing needs.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/**
 * Runs a program at the root of the repository.
 *
 * @returns What it printed.
 * @throws {Error} With its message, if it fails.
 */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const command = new Deno.Command(program, { args: [...args], cwd: ROOT });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot pack: ${program} ${args[0]} said ${new TextDecoder().decode(stderr)}`);
}
