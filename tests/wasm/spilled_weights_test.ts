/** Weights beyond one memory: the same bits as in one. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { Andromeda, OutOfMemoryError } from "../../mod.ts";

const config = {
  numTokens: 300,
  maxSeqLen: 32,
  dim: 64,
  depth: 3,
  heads: 2,
  dimHead: 32,
  alibiNumHeads: 1,
  attnKvHeads: 1,
};
/** The weights above take 1.4 MB in f32. */
const SMALL_MEMORY = 300_000;

async function run(backend: WasmBackend, dtype: "f32" | "q8_0") {
  const model = await Andromeda.create(config, { backend, seed: 3, dtype });
  const logits = model.forward([[5, 6, 7, 8, 9], [1, 2, 3, 4, 299]]);
  const values = await logits.data();
  logits.dispose();
  const tokens: number[] = [];
  for await (const token of model.generate([1, 2, 3], { maxNewTokens: 8, temperature: 0 })) tokens.push(token);
  const table = await backend.readRows(model.stateDict().get("to_logits.weight")!, 7, 5);
  model.dispose();
  assertEquals(backend.memory().bytesInUse, 0);
  return { values, tokens, table };
}

for (const dtype of ["f32", "q8_0"] as const) {
  for (const threads of [1, 2]) {
    Deno.test(`a model spread over several memories, ${dtype}, ${threads} threads`, async () => {
      const whole = await WasmBackend.create({ threads });
      const spread = await WasmBackend.create({ threads }, undefined, SMALL_MEMORY);
      assertEquals(await run(spread, dtype), await run(whole, dtype));
      // Freed memory serves the next model.
      assertEquals(await run(spread, dtype), await run(whole, dtype));
      whole.dispose();
      spread.dispose();
    });
  }
}

Deno.test("a model that the machine has no memory for is refused, and frees what it took", async () => {
  const backend = await WasmBackend.create({ threads: 1 });
  const huge = Andromeda.create({ depth: 320 }, { backend });
  const error = await assertRejects(() => huge, OutOfMemoryError);
  assert(error.message.includes("GiB") && error.message.includes("q8_0"), error.message);
  assertEquals(backend.memory().bytesInUse, 0);
  const model = await Andromeda.create(config, { backend });
  model.dispose();
  backend.dispose();
});
