/**
 * What shells suggest while a command line is typed.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import tab from "npm:@bomb.sh/tab@0.0.22/commander";
import type { Command } from "./command.ts";
import { typedName } from "./flags/flag.ts";

/** The name under which the scripts of shells ask for suggestions. */
export const ASKED = "complete";

/**
 * Adds the command that prints a shell's script, and the one that answers it.
 *
 * @param word The one that is being typed, if it is a shell that asks.
 */
export function addCompletions(program: Parameters<typeof tab>[0], commands: readonly Command[], word: string): void {
  const root = tab(program, { completionCommandName: "completion" });
  const suggestPaths = (complete: (value: string, description: string) => void) => {
    for (const path of pathsLike(word)) complete(path, "");
  };
  for (const { name, flags, bare } of commands) {
    const known = root.commands.get(name);
    for (const [flag, { reader }] of Object.entries(flags)) {
      const option = known?.options.get(typedName(flag));
      if (option === undefined || !reader?.isPath) continue;
      option.handler = suggestPaths;
      if (flag === bare) known?.argument(flag, suggestPaths);
    }
  }
}

/**
 * Paths that begin as a word does, folders with a slash behind them. What is in a folder is suggested with it where it
 * is the only one, so that shells go on with the path instead of ending it.
 */
function pathsLike(word: string): string[] {
  const found = pathsIn(word.slice(0, word.lastIndexOf("/") + 1)).filter((path) => path.startsWith(word));
  const [only = ""] = found;
  return found.length === 1 && only.endsWith("/") ? [only, ...pathsIn(only)] : found;
}

function pathsIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder === "" ? "." : folder, { withFileTypes: true });
    const shown = entries.filter(({ name }) => !name.startsWith("."));
    return shown.map((entry) => `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`);
  } catch {
    return []; // a folder that is none, or that nobody may read
  }
}
