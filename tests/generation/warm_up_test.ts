import { assertEquals } from "@std/assert";
import { WebGpuBackend } from "../../gpu/backend.ts";
import { Andromeda, PalmE } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";

const sizes = {
  numTokens: 40,
  maxSeqLen: 64,
  dim: 48,
  depth: 2,
  heads: 2,
  dimHead: 32,
  alibiNumHeads: 1,
  attnKvHeads: 1,
};

engineTest("a model that was warmed up compiles nothing more for its first tokens", async (backend) => {
  for (const config of [sizes, { ...sizes, deepnorm: true, shiftTokens: 1 }, { ...sizes, rotaryEmbedValues: true }]) {
    const model = await Andromeda.create(config, { backend });
    const held = backend.memory().tensors;
    const options = { maxNewTokens: 3, topK: 5, topP: 0.9, seed: 1 };
    await model.warmUp(options);
    assertEquals(backend.memory().tensors, held);
    const kernels = backend instanceof WebGpuBackend ? backend.stats().kernels : 0;
    const prompt = Array.from({ length: 40 }, (_, i) => i);
    assertEquals((await Array.fromAsync(model.generate(prompt, options))).length, 3);
    if (backend instanceof WebGpuBackend) assertEquals(backend.stats().kernels, kernels);
    model.dispose();
  }
});

engineTest("PalmE warms up without an image", async (backend) => {
  const small = { imageSize: 16, patchSize: 8, encoderDim: 32, encoderDepth: 1, encoderHeads: 1, decoderHeads: 2 };
  const decoder = { numTokens: 20, maxSeqLen: 16, decoderDim: 32, decoderDepth: 1, alibiNumHeads: 1 };
  const model = await PalmE.create({ ...small, ...decoder }, { backend });
  const held = backend.memory().tensors;
  await model.warmUp();
  assertEquals(backend.memory().tensors, held);
  model.dispose();
});
