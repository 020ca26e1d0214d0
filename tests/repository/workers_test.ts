/** The scripts of workers that are generated. */

import { assert, assertEquals } from "@std/assert";
import { bundleWorker, WORKERS } from "../../host/build.ts";

/** Characters of the largest scripts that are let pass. */
const LIMITS: Readonly<Record<string, number>> = {
  "assembly/machine/worker.ts": 10_000,
  "data/datasets/tokenizing/worker.ts": 130_000,
};

for (const [entry, path] of Object.entries(WORKERS)) {
  Deno.test(`the generated script of ${entry} is that of the sources, and small`, async () => {
    const { script } = await import(`../../${path}_text.ts`);
    assertEquals(script, await bundleWorker(entry), `${path}_text.ts is stale: run "deno task build"`);
    assertEquals(script, await Deno.readTextFile(new URL(`../../${path}.js`, import.meta.url)));
    assert(script.length < (LIMITS[entry] ?? 0), `${script.length} characters`);
  });
}
