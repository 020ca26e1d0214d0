/**
 * Hosts that do not allow everything run the library: pages with a strict Content-Security-Policy, and the oldest Node.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../support/deno.ts";
import { sourcesIn } from "../support/sources.ts";

/** Calls that make code of text; a method of a model is called `eval` as PyTorch's is. */
const MAKES_CODE = /(?<![.\w])eval\(|\bnew Function\b|(?<![.\w])Function\(|\bset(Timeout|Interval)\(\s*["'`]/;

/** What Node 20 lacks. */
const TOO_NEW = /\b(Array\.fromAsync|Promise\.(withResolvers|try)|(Object|Map)\.groupBy|Iterator\.from)\(/;

/** Lines of what is published that match a pattern, without comments. */
async function linesWith(pattern: RegExp): Promise<string[]> {
  const { publish }: { publish: { include: readonly string[] } } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const folders = publish.include.filter((name) => /^[a-z_]+$/.test(name));
  const found: string[] = [];
  let count = 0;
  for (const place of [...folders, "mod.ts", "create_backend.ts", "errors.ts"]) {
    for await (const path of sourcesIn(place)) {
      const source = await Deno.readTextFile(new URL(path, ROOT));
      count++;
      for (const [i, line] of source.split("\n").entries()) {
        if (pattern.test(line) && !/^\s*(\/?\*|eval\(\): this)/.test(line)) {
          found.push(`${path}:${i + 1}: ${line.trim()}`);
        }
      }
    }
  }
  assert(count > 200, `${count} files were read`);
  return found.map((place) => place.slice(0, 200));
}

Deno.test("neither sources nor generated files make code of text", async () => {
  assertEquals(await linesWith(MAKES_CODE), []);
});

Deno.test("nothing is used that Node 20 lacks", async () => {
  assertEquals(await linesWith(TOO_NEW), []);
});
