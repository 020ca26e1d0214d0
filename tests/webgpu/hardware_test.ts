/**
 * The forms that kernels have on hardware, by force: on adapters that are a processor, as those of test machines are,
 * they would never run.
 */

import { assert, assertEquals } from "@std/assert";
import { Andromeda } from "../../mod.ts";
import { gpuTest } from "./support.ts";

gpuTest("hardware's kernels: the self-test finds them right", async (backend) => {
  const { checks } = await backend.selfTest();
  assertEquals(checks.filter(({ ok }) => !ok), []);
}, { flavor: "workgroup", software: false });

gpuTest("on hardware, prompts of any length find their kernels compiled", async (backend) => {
  const sizes = { numTokens: 40, maxSeqLen: 128, dim: 48, depth: 2, heads: 2, dimHead: 32 };
  const model = await Andromeda.create({ ...sizes, alibiNumHeads: 1, attnKvHeads: 1 }, { backend });
  await model.warmUp({ temperature: 0 });
  const { kernels } = backend.stats();
  for (const length of [12, 20, 33, 61]) {
    const prompt = Array.from({ length }, (_, i) => i % 40);
    const tokens = await Array.fromAsync(model.generate(prompt, { maxNewTokens: 3, temperature: 0 }));
    assert(tokens.every((token) => token >= 0 && token < 40));
  }
  assertEquals(backend.stats().kernels, kernels);
  model.dispose();
}, { flavor: "workgroup", software: false });
