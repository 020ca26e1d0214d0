/** Pages with a strict Content-Security-Policy run the library: nothing in it makes code of text. */

import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../support/deno.ts";
import { sourcesIn } from "../support/sources.ts";

/** Calls that make code of text; a method of a model is called `eval` as PyTorch's is. */
const MAKES_CODE = /(?<![.\w])eval\(|\bnew Function\b|(?<![.\w])Function\(|\bset(Timeout|Interval)\(\s*["'`]/;

Deno.test("neither sources nor generated files make code of text", async () => {
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
        if (MAKES_CODE.test(line) && !/^\s*(\/?\*|eval\(\): this)/.test(line)) {
          found.push(`${path}:${i + 1}: ${line.trim()}`);
        }
      }
    }
  }
  assert(count > 200, `${count} files were read`);
  assertEquals(found.map((place) => place.slice(0, 200)), []);
});
