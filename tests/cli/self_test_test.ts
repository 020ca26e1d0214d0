/** `andromeda selftest`. */

import { assertEquals } from "@std/assert";
import { andromeda, assertFails } from "./andromeda.ts";

Deno.test("the command line tests an engine, and names those that there are", async () => {
  await assertFails(["selftest", "cpu"], 2, "auto, wasm, webgpu", '"cpu"');
  const { code, stdout } = await andromeda("selftest", "wasm");
  assertEquals([code, /All \d+ checks hold/.test(stdout)], [0, true], stdout);
});
