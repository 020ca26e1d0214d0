/** Options of generation: what their documentation says of them is what holds. */

import { assert, assertEquals } from "@std/assert";
import { generateFields } from "../../models/generation/settings.ts";

Deno.test("the documentation of an option gives the default that holds", async () => {
  const source = await Deno.readTextFile(new URL("../../models/generation/options.ts", import.meta.url));
  const documented = new Map([...source.matchAll(/\/\*\*((?:(?!\*\/)[^])+)\*\/\s+readonly (\w+)\?:/g)].map((
    [, doc = "", name = ""],
  ) => [name, / Default ("\w+"|[\d.]*\d)\.\s/.exec(doc)?.[1]]));
  for (const [name, { fallback }] of Object.entries<{ readonly fallback?: unknown }>(generateFields)) {
    if (name === "context" || name === "contextMask") continue;
    assert(documented.has(name), name);
    const given = documented.get(name);
    assertEquals(given === undefined ? undefined : JSON.parse(given), fallback, name);
  }
});
