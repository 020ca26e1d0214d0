/** Generators and sessions that are dropped are freed by the host's garbage collection. */

import { assertEquals } from "@std/assert";
import { deno } from "../support/deno.ts";

Deno.test("generators and sessions that are dropped give back what they hold", async () => {
  const { code, stdout, stderr } = await deno(["run", "-A", "--v8-flags=--expose-gc", "tests/wasm/dropped.ts"]);
  assertEquals({ code, stdout }, { code: 0, stdout: "held: true, left: 0, goes on: true\n" }, stderr);
});
