/**
 * `andromeda selftest`: whether an engine computes correctly here; one line a check, to print and to send.
 *
 * @module
 */

import { defineCommand } from "../command.ts";
import { engine, json } from "../flags/shared.ts";
import { withBar, withEngine } from "../support/open.ts";
import { print, printJson } from "../terminal/output.ts";

/** The command. */
export const selfTest = defineCommand({
  name: "selftest",
  summary: "Compare every operation of an engine with float64 values, on this machine",
  details: "The report goes to stdout, to be sent along with a bug report. The exit code is 1 where a check fails.",
  examples: ["", "webgpu", "wasm --threads 1 --json"],
  flags: { backend: engine.backend, threads: engine.threads, json },
  bare: "backend",
  run: (values, { signal }) =>
    withEngine(values, async (backend) => {
      const report = await withBar((show) =>
        backend.selfTest({
          signal,
          onProgress: ({ done, total }) => show({ stage: "check", file: backend.name, loaded: done, total }),
        })
      );
      const { text, ...rest } = report;
      await (values.json ? printJson(rest) : print(text + "\n"));
      return report.ok ? 0 : 1;
    }),
});
