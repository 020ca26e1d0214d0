/** Starts Deno as a user does. */

import { fromFileUrl } from "@std/path";

/** The root of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** The outcome of a command. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs this Deno with arguments; where nothing else is said, at the root of the repository. */
export async function deno(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd ?? fromFileUrl(ROOT),
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out ?? "", stderr: err ?? "" };
}
