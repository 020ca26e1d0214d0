/** Where heads look: the probabilities that a model gives are those that its attention used. */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../backend/memory.ts";
import type { AttentionOptions } from "../../backend/operations/attention.ts";
import type { WatchedCommand } from "../../backend/training.ts";
import { Andromeda, ConfigError, GPT4, type LanguageModel, Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";

const TOKENS = [[1, 2, 3, 4, 5, 6, 7], [7, 6, 5, 4, 3, 2, 1]];
const SIZES = { numTokens: 20, maxSeqLen: 16, dim: 32, depth: 2, heads: 4, dimHead: 16 };

type Attention = WatchedCommand & AttentionOptions & { readonly v: Tensor; readonly out: Tensor };

engineTest("values weighted by the probabilities are what attention gave", async (backend) => {
  const models: LanguageModel[] = [
    await Andromeda.create({ ...SIZES, alibiNumHeads: 2, attnKvHeads: 2, qkNorm: true }, { backend }),
    await GPT4.create({ ...SIZES, alibiNumHeads: 1 }, { backend }),
    await Transformer.create({ ...SIZES, attnNumMemKv: 3 }, { backend }),
  ];
  for (const model of models) {
    assertEquals(model.attentionCount, 2);
    const before = backend.memory();
    for (const layer of [0, 1]) {
      const attentions: Attention[] = [];
      const { result, release } = backend.watch(() => model.forward(TOKENS), (command) => {
        if (command.op === "attention") attentions.push(command as Attention);
      });
      const { v, out, ...options } = attentions[layer]!;
      const probabilities = model.attentionProbabilities(TOKENS, layer);
      const [b, heads, n] = probabilities.shape;
      assertEquals([b, heads, n], [2, 4, 7]);
      const values = backend.attentionValues(probabilities, v, options);
      const [expected, found] = [await out.data(), await values.data()];
      for (const [i, value] of found.entries()) assertAlmostEquals(value, expected[i]!, 1e-5);
      release();
      for (const tensor of [result, probabilities, values]) tensor.dispose();
    }
    const { bytesInUse, tensors } = backend.memory();
    assertEquals([bytesInUse, tensors], [before.bytesInUse, before.tensors]);
    model.dispose();
  }
});

engineTest("an attention that there is not is refused, and leaves nothing", async (backend) => {
  const model = await Andromeda.create({ ...SIZES, alibiNumHeads: 2 }, { backend });
  const { tensors } = backend.memory();
  for (const layer of [-1, 2, 0.5, NaN]) {
    const error = assertThrows(() => model.attentionProbabilities(TOKENS, layer), ConfigError);
    assert(error.message.includes("give 0 to 1"), error.message);
  }
  assertEquals(backend.memory().tensors, tensors);
  model.dispose();
});
