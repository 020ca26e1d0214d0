/** A backend that is disposed of while a model generates. */

import { assertEquals } from "@std/assert";
import { DisposedError } from "../../errors.ts";
import { Andromeda } from "../../mod.ts";
import { forEachEngine } from "../support/engines.ts";

forEachEngine((engine, create, isAvailable) => {
  Deno.test({
    name: `${engine}: a backend that is disposed of in the middle of a generation says so`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await create();
      const model = await Andromeda.create({
        numTokens: 60,
        maxSeqLen: 300,
        dim: 64,
        depth: 3,
        heads: 2,
        alibiNumHeads: 1,
      }, { backend });
      const end = Array.fromAsync(model.generate([1, 2, 3], { maxNewTokens: 250 })).catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 60));
      backend.dispose();
      assertEquals(await end.then((error) => error instanceof DisposedError || String(error)), true);
    },
  });
});
