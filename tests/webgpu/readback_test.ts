/** The GPU sends back only what was asked for while a model works: for a text one id a token. */

import { assertEquals } from "@std/assert";
import type { WebGpuBackend } from "../../gpu/backend.ts";
import { Andromeda } from "../../mod.ts";
import { gpuTest } from "./support.ts";

const config = { numTokens: 60, maxSeqLen: 64, dim: 32, depth: 2, heads: 2, dimHead: 32, alibiNumHeads: 1 };
const prompt = [5, 4, 3, 2, 1];

/**
 * Calls of `mapAsync` and bytes that came back while `fn` ran: as the device saw them, and as the engine counts them.
 */
async function readings(backend: WebGpuBackend, fn: () => unknown): Promise<[maps: number, bytes: number]> {
  const { mapAsync } = GPUBuffer.prototype;
  let [maps, bytes] = [0, 0];
  GPUBuffer.prototype.mapAsync = function (mode, offset, size) {
    maps += 1;
    bytes += size ?? this.size;
    return mapAsync.call(this, mode, offset, size);
  };
  const before = backend.stats();
  try {
    await fn();
  } finally {
    Object.assign(GPUBuffer.prototype, { mapAsync });
  }
  const after = backend.stats();
  assertEquals([after.maps - before.maps, after.bytesReadBack - before.bytesReadBack], [maps, bytes]);
  return [maps, bytes];
}

gpuTest("making, warming up and running a model reads nothing back", async (backend) => {
  const made = await readings(backend, async () => {
    const model = await Andromeda.create(config, { backend });
    await model.warmUp();
    for (const positions of ["all", "last"] as const) model.forward([prompt, prompt], { positions }).dispose();
    model.loss([prompt]).dispose();
    backend.flush();
    model.dispose();
  });
  assertEquals(made, [0, 0]);
});

gpuTest("only values that were asked for come back", async (backend) => {
  const model = await Andromeda.create(config, { backend });
  const logits = model.forward(prompt, { positions: "last" });
  assertEquals(await readings(backend, () => logits.data()), [1, 60 * 4]);
  logits.dispose();
  model.dispose();
});

gpuTest("a text comes back as one id a token, drawn or not, of all rows at once", async (backend) => {
  const model = await Andromeda.create(config, { backend, seed: 2 });
  const options = { maxNewTokens: 9, seed: 1 };
  for (const how of [{ temperature: 0 }, { topK: 5, topP: 0.9 }, { repetitionPenalty: 1.2 }]) {
    const one = () => Array.fromAsync(model.generate(prompt, { ...options, ...how }));
    assertEquals(await readings(backend, one), [9, 9 * 4], JSON.stringify(how));
    const three = () => model.generateBatch([prompt, [1], [2, 3]], { ...options, ...how });
    assertEquals(await readings(backend, three), [9, 9 * 3 * 4], JSON.stringify(how));
  }
  const session = model.session().append(prompt);
  const turn = () => Array.fromAsync(session.generate(options));
  assertEquals(await readings(backend, turn), [9, 9 * 4]);
  session.dispose();
  model.dispose();
});
