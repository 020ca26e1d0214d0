import { assert, assertEquals } from "@std/assert";
import { createBackend, Transformer } from "../../mod.ts";

Deno.test("a model waits for an engine in a worker while it is made and loaded, so that it is not in memory twice", async () => {
  const folder = await Deno.makeTempDir();
  const backend = await createBackend("wasm", { inWorker: true });
  const { tensor } = backend;
  let waits = 0;
  backend.tensor = (data, shape) => {
    if (data.length === 1) waits++;
    return tensor.call(backend, data, shape);
  };
  const config = { attnLayers: "decoder", numTokens: 4096, maxSeqLen: 64, dim: 256, depth: 12 } as const;
  const made = await Transformer.create(config, { backend });
  const bytes = made.parameterCount * 4;
  assert(waits >= Math.floor(bytes / 2 ** 24) && waits > 1, `${waits} waits for ${bytes} bytes`);
  await made.save(folder);
  made.dispose();
  waits = 0;
  const loaded = await Transformer.load(folder, { backend });
  assert(waits > 1, `${waits} waits for ${bytes} bytes`);
  loaded.dispose();
  assertEquals(backend.memory().tensors, 0);
  backend.dispose();
  await Deno.remove(folder, { recursive: true });
});
