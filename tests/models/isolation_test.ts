/** Models on one backend share no values, whatever is among the weights of one of them. */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";

/** Four query heads read one key head: kernels take their rows together. */
const config = { numTokens: 50, maxSeqLen: 40, dim: 32, depth: 2, heads: 4, dimHead: 32, attnOneKvHead: true };

async function tokensOf(model: Transformer): Promise<number[]> {
  return await Array.fromAsync(model.generate([5, 6, 7], { maxNewTokens: 8, temperature: 0 }));
}

/** Generates with a model whose parameter has a first row of nothing but `value`, and disposes of it. */
async function useSpoiled(backend: Backend, name: string, value: number): Promise<void> {
  const model = await Transformer.create(config, { backend, seed: 2 });
  const parameter = model.stateDict().get(name)!;
  backend.writeRows(parameter, 0, new Float32Array(parameter.shape.at(-1)!).fill(value));
  // It may draw what it will, or refuse to.
  await tokensOf(model).catch(() => {});
  model.dispose();
}

engineTest("a model computes the same after another one with NaN and infinity among its weights", async (backend) => {
  const model = await Transformer.create(config, { backend, seed: 1 });
  const expected = await tokensOf(model);
  const names = [...model.stateDict().keys()].filter((name) => /to_[qkv]\.weight|token_emb|to_logits/.test(name));
  for (const name of names) {
    for (const value of [NaN, Infinity]) {
      await useSpoiled(backend, name, value);
      assertEquals(await tokensOf(model), expected, `after ${value} in ${name}`);
    }
  }
  model.dispose();
});
