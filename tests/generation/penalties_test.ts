/** Penalties and biases: what they subtract from and add to the logits that tokens are drawn from. */

import { assert, assertEquals } from "@std/assert";
import type { GenerateOptions } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { argmax, text, withModel } from "./models.ts";

const config = { alibiPosBias: true };
const options: GenerateOptions = { maxNewTokens: 24, temperature: 0 };
const adjusted: GenerateOptions = {
  ...options,
  presencePenalty: 0.7,
  frequencyPenalty: 0.4,
  logitBias: { 3: 1.5, 7: -100 },
};

engineTest("penalties count the tokens that were made, and biases are added", async (backend) => {
  await withModel(backend, config, async (model) => {
    const prompt = text(6);
    const expected: number[] = [];
    const onLogits = (logits: Float32Array) => {
      const times = (token: number) => expected.filter((made) => made === token).length;
      const biased = logits.map((logit, token) =>
        logit - 0.4 * times(token) - (times(token) > 0 ? 0.7 : 0) + (token === 3 ? 1.5 : token === 7 ? -100 : 0)
      );
      expected.push(argmax(biased));
    };
    const tokens = await Array.fromAsync(model.generate(prompt, { ...adjusted, onLogits }));
    assertEquals(tokens, expected);
    const plain = await Array.fromAsync(model.generate(prompt, options));
    assert(tokens.some((token, i) => token !== plain[i]), "the penalties change the text");
    const withDraft = await Array.fromAsync(model.generate(prompt, { ...adjusted, draft: model, gamma: 3 }));
    assertEquals(withDraft, tokens, "with a draft");
    const batch = await model.generateBatch([prompt, text(3)], {
      ...adjusted,
      logitBias: new Map([[3, 1.5], [7, -100]]),
    });
    assertEquals(batch[0], tokens, "in a batch");
  });
});

engineTest("a bias of 100 forces a token, and one of -100 forbids it", async (backend) => {
  await withModel(backend, config, async (model) => {
    const run = (logitBias: Record<number, number>) =>
      Array.fromAsync(model.generate(text(4), { maxNewTokens: 12, seed: 1, logitBias }));
    assertEquals(new Set(await run({ 11: 100 })), new Set([11]));
    assert(!(await run({ 11: -100 })).includes(11));
  });
});
