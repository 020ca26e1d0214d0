/** A device that is lost under a model: named errors, and the model goes on elsewhere. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { DeviceLostError } from "../../errors.ts";
import { WebGpuBackend } from "../../gpu/backend.ts";
import { Andromeda } from "../../mod.ts";
import { isAvailable } from "./support.ts";

const config = {
  numTokens: 60,
  maxSeqLen: 32,
  dim: 32,
  depth: 2,
  heads: 2,
  dimHead: 32,
  alibiNumHeads: 1,
  attnKvHeads: 1,
};

/** Runs `use` on a device that it can have destroyed. */
async function withDevice(use: (backend: WebGpuBackend, lose: () => Promise<void>) => Promise<void>): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const backend = await WebGpuBackend.create({ device });
  try {
    await use(backend, async () => {
      device.destroy();
      await device.lost;
    });
  } finally {
    backend.dispose();
  }
}

async function logitsOf(model: Andromeda): Promise<Float32Array> {
  const logits = model.forward([1, 2, 3, 4]);
  const values = Float32Array.from(await logits.data());
  logits.dispose();
  return values;
}

async function saved(model: Andromeda): Promise<Blob> {
  const chunks: BlobPart[] = [];
  await model.save(new WritableStream({ write: (chunk: Uint8Array<ArrayBuffer>) => void chunks.push(chunk) }));
  return new Blob(chunks);
}

/** The CPU engine multiplies quantized weights with activations of 16 bits, the GPU engine with activations in f32. */
const makers: [name: string, make: (backend: WebGpuBackend) => Promise<Andromeda>, tolerance?: number][] = [
  ["drawn from a seed", (backend) => Andromeda.create(config, { backend, seed: 4 })],
  ["drawn in q8_0", (backend) => Andromeda.create(config, { backend, seed: 6, dtype: "q8_0" }), 1e-3],
  ["drawn in q4_0", (backend) => Andromeda.create(config, { backend, seed: 7, dtype: "q4_0" }), 1e-3],
  ["loaded", async (backend) => {
    const made = await Andromeda.create(config, { backend, seed: 5 });
    const weights = await saved(made);
    made.dispose();
    return await Andromeda.load({ config: { ...config, model_type: "andromeda" }, weights }, { backend });
  }],
];

for (const [name, make, tolerance = 1e-4] of makers) {
  Deno.test({
    name:
      `webgpu: a model that was ${name} goes on elsewhere after the loss of its device, also in the middle of a text`,
    ignore: !isAvailable,
    fn: async () => {
      const other = await WasmBackend.create({ threads: 1 });
      await withDevice(async (backend, lose) => {
        const model = await make(backend);
        const before = await logitsOf(model);
        await assertRejects(async () => {
          for await (const _ of model.generate([1, 2], { maxNewTokens: 20, temperature: 0 })) await lose();
        }, DeviceLostError);
        assertThrows(() => model.forward([1]), DeviceLostError);
        await model.to(other);
        assertEquals(backend.memory().tensors, 0);
        const after = await logitsOf(model);
        assert(after.every((value, i) => Math.abs(value - (before[i] ?? NaN)) < tolerance));
        const tokens = await model.generateBatch([[1, 2]], { maxNewTokens: 5, temperature: 0 });
        assertEquals(tokens[0]?.length, 5);
        model.dispose();
        assertEquals(other.memory().tensors, 0);
      });
      other.dispose();
    },
  });
}

Deno.test({
  name: "webgpu: a model whose values were changed on the device that is lost says so",
  ignore: !isAvailable,
  fn: async () => {
    const other = await WasmBackend.create({ threads: 1 });
    await withDevice(async (backend, lose) => {
      const [model, source] = [
        await Andromeda.create(config, { backend }),
        await Andromeda.create(config, { backend }),
      ];
      await model.loadStateDict(source.stateDict());
      await lose();
      await assertRejects(() => model.to(other), DeviceLostError, "load it anew");
      assertEquals(other.memory().tensors, 0);
      for (const each of [model, source]) each.dispose();
    });
    other.dispose();
  },
});
