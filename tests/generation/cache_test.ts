/** Logits of cached steps are those of a pass over the whole text, at every position. */

import { assert, assertEquals } from "@std/assert";
import type { Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { cached, distance, forwardRows, gpuFor, text, uncached, withModel } from "./models.ts";

/** Generates greedily and compares each step's logits with those of `forward` on the whole text. */
async function checkSteps(model: Transformer, prompt: number[], maxNewTokens: number) {
  const steps: Float32Array[] = [];
  const options = { maxNewTokens, temperature: 0, onLogits: (logits: Float32Array) => void steps.push(logits) };
  const tokens = await Array.fromAsync(model.generate(prompt, options));
  const whole = await forwardRows(model, [...prompt, ...tokens]);
  assertEquals(steps.length, maxNewTokens);
  for (const [i, logits] of steps.entries()) {
    const off = distance(logits, whole[prompt.length - 1 + i]!);
    assert(off <= 1e-4, `position ${prompt.length - 1 + i}: ${off}`);
  }
}

for (const [name, config] of Object.entries(cached)) {
  engineTest(`cached steps with ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      assert(model.net.canCache);
      await checkSteps(model, text(1), 39);
      await checkSteps(model, text(9), 31);
    });
  }, gpuFor(name));

  engineTest(`a prompt in several chunks with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 650, depth: 1 }, (model) => checkSteps(model, text(600), 20));
  }, gpuFor(name));
}

for (const [name, config] of Object.entries(uncached)) {
  engineTest(`steps without a cache with ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      assert(!model.net.canCache);
      const prompt = text(9);
      const tokens: number[] = [];
      const onLogits = (logits: Float32Array) => void steps.push(logits);
      const steps: Float32Array[] = [];
      for await (const token of model.generate(prompt, { maxNewTokens: 8, temperature: 0, onLogits })) {
        const whole = await forwardRows(model, [...prompt, ...tokens], { positions: "last" });
        assert(distance(steps.at(-1)!, whole[0]!) <= 1e-4);
        tokens.push(token);
      }
      assertEquals(tokens.length, 8);
    });
  }, gpuFor(name));
}

engineTest("cached steps that attend to a context", async (backend) => {
  await withModel(backend, { crossAttend: true, contextDim: 16, rotaryXpos: true }, async (model) => {
    const context = backend.tensor(Float32Array.from({ length: 7 * 16 }, (_, i) => Math.sin(i)), [1, 7, 16]);
    const contextMask = [[true, true, false, true, true, true, false]];
    const steps: Float32Array[] = [];
    const onLogits = (logits: Float32Array) => void steps.push(logits);
    const options = { maxNewTokens: 20, temperature: 0, context, contextMask, onLogits };
    const tokens = await Array.fromAsync(model.generate(text(5), options));
    const whole = await forwardRows(model, [...text(5), ...tokens], { context, contextMask });
    for (const [i, logits] of steps.entries()) assert(distance(logits, whole[4 + i]!) <= 1e-4, `position ${4 + i}`);
    context.dispose();
  });
});
