/** What the repository's own configuration must not do. */

import { assertEquals } from "@std/assert";
import { ROOT } from "../support/deno.ts";

Deno.test("no types are added to every module: Deno would check each worker's script with them, and print it", async () => {
  const { compilerOptions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals(Object.keys(compilerOptions).filter((name) => name === "types"), []);
});
