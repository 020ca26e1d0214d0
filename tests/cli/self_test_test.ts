/** `deno task selftest`. */

import { assertEquals } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";

Deno.test("the command line tests an engine, and names those that there are", async () => {
  const script = new URL("cli/self_test.ts", ROOT).pathname;
  const usage = await deno(["run", "-A", script, "cpu"]);
  assertEquals([usage.code, usage.stderr.includes("expected auto, wasm or webgpu")], [2, true]);
  const { code, stdout } = await deno(["run", "-A", script, "wasm"]);
  assertEquals([code, /All \d+ checks hold/.test(stdout)], [0, true], stdout);
});
