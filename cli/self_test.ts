/**
 * `deno task selftest [auto|wasm|webgpu]`: whether an engine computes correctly here; one line a check, to print and to
 * send.
 *
 * @module
 */

import { createBackend } from "../mod.ts";
import { keepMesaQuiet } from "./mesa.ts";

const USAGE = `Checks every operation of an engine on this processor, adapter and driver against float64 values.

Usage: deno task selftest [auto|wasm|webgpu]

The report goes to stdout, to be sent along with a bug report; progress goes to stderr. The exit code is 1 where a check fails.`;

/** Runs the command line; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const [name = "auto"] = args;
  if (name === "--help" || name === "-h") {
    console.log(USAGE);
    return 0;
  }
  if (args.length > 1 || (name !== "auto" && name !== "wasm" && name !== "webgpu")) {
    console.error(`error: expected auto, wasm or webgpu, not ${JSON.stringify(args.join(" "))}\n\n${USAGE}`);
    return 2;
  }
  keepMesaQuiet();
  try {
    const backend = await createBackend(name);
    try {
      const { ok, text } = await backend.selfTest({
        onProgress: ({ done, total, check }) => {
          if (Deno.stderr.isTerminal()) console.error(`${done} of ${total}: ${check.name}`);
        },
      });
      console.log(text);
      return ok ? 0 : 1;
    } finally {
      backend.dispose();
    }
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
