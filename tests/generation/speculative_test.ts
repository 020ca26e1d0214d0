/** Speculative decoding gives the tokens that the large model alone would. */

import { assert, assertEquals } from "@std/assert";
import { softmaxRow } from "../../engine/reference/softmax.ts";
import type { Transformer } from "../../mod.ts";
import type { GenerateOptions } from "../../models/generation/options.ts";
import { engineTest } from "../support/engines.ts";
import { cached, distance, forwardRows, gpuFor, text, uncached, withModel } from "./models.ts";

for (const [name, config] of Object.entries(cached)) {
  engineTest(`greedy tokens with a draft are the model's own, with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 40 }, async (model) => {
      const check = async (draft: Transformer, options: GenerateOptions = {}) => {
        const plain = { maxNewTokens: 50, temperature: 0, ...options };
        let [accepted, guessed] = [0, 0];
        const onDraft = (some: number, all: number) => {
          accepted += some;
          guessed += all;
        };
        const expected = await Array.fromAsync(model.generate(text(6), plain));
        assertEquals(await Array.fromAsync(model.generate(text(6), { ...plain, draft, onDraft })), expected);
        assert(guessed > 0);
        return accepted / guessed;
      };
      assertEquals(await check(model), 1, "a model accepts all of its own guesses");
      await withModel(backend, { ...config, depth: 1, maxSeqLen: 40 }, async (draft) => {
        await check(draft);
        await check(draft, { gamma: 3, repetitionPenalty: 1.4, overflow: "recompute" });
        await check(draft, { gamma: 1, overflow: "stop" });
      }, 2);
    });
  }, gpuFor(name));
}

engineTest("a draft that can't cache, and one with a shorter maxSeqLen", async (backend) => {
  await withModel(backend, { rotaryXpos: true }, async (model) => {
    const options = { maxNewTokens: 30, temperature: 0 };
    const expected = await Array.fromAsync(model.generate(text(6), options));
    for (const config of [uncached["xPos beside memory keys"]!, { maxSeqLen: 16 }, { maxSeqLen: 6 }]) {
      await withModel(backend, { ...config, depth: 1 }, async (draft) => {
        assertEquals(await Array.fromAsync(model.generate(text(6), { ...options, draft })), expected);
      });
    }
  });
});

engineTest("a draft in a batch, with eos and with everybody's logits", async (backend) => {
  await withModel(backend, { rotaryXpos: true, crossAttend: true }, async (model) => {
    await withModel(backend, { alibiPosBias: true, depth: 1 }, async (draft) => {
      const context = backend.tensor(Float32Array.from({ length: 2 * 3 * 32 }, (_, i) => Math.sin(i)), [2, 3, 32]);
      const contextMask = [[true, true, false], [false, true, true]];
      const prompts = [text(7), text(3)];
      const free = await model.generateBatch(prompts, { temperature: 0, maxNewTokens: 12, context, contextMask });
      const collect = (steps: Map<string, Float32Array>) => ({
        temperature: 0,
        maxNewTokens: 12,
        stopTokens: [free[0]![6]!],
        context,
        contextMask,
        onLogits: (logits: Float32Array, index: number, row: number) => void steps.set(`${row} ${index}`, logits),
      });
      const [plain, drafted] = [new Map<string, Float32Array>(), new Map<string, Float32Array>()];
      const expected = await model.generateBatch(prompts, collect(plain));
      assertEquals(await model.generateBatch(prompts, { ...collect(drafted), draft }), expected);
      assertEquals([...drafted.keys()].sort(), [...plain.keys()].sort());
      for (const [key, logits] of drafted) assert(distance(logits, plain.get(key)!) <= 1e-4, key);
      context.dispose();
    });
  });
});

/** Probabilities of each pair of first tokens, by the model's own logits. */
async function pairProbabilities(model: Transformer, prompt: number[], temperature: number): Promise<number[]> {
  const next = async (tokens: number[]) => {
    const [logits] = await forwardRows(model, tokens, { positions: "last" });
    const least = [...logits!].sort((a, b) => b - a)[2]!; // topK 3
    return softmaxRow([...logits!].map((logit) => logit >= least ? logit / temperature : -Infinity));
  };
  const first = await next(prompt);
  const pairs: number[] = [];
  for (const [token, p] of first.entries()) {
    pairs.push(...(await next([...prompt, token])).map((q) => p * q));
  }
  return pairs;
}

engineTest("tokens with a draft are distributed as the model's", async (backend) => {
  const config = { numTokens: 5, rotaryXpos: true, dim: 16, heads: 1 };
  await withModel(backend, config, async (model) => {
    await withModel(backend, { ...config, depth: 1 }, async (draft) => {
      for (const temperature of [0.6, 1, 1.7]) {
        const prompt = [1, 4, 2];
        const probabilities = await pairProbabilities(model, prompt, temperature);
        const counts = new Array<number>(25).fill(0);
        let [accepted, guessed] = [0, 0];
        const onDraft = (some: number, all: number) => {
          accepted += some;
          guessed += all;
        };
        const runs = 1500;
        for (let seed = 0; seed < runs; seed++) {
          const options = { draft, gamma: 2, maxNewTokens: 3, temperature, topK: 3, seed, onDraft };
          const [a = 0, b = 0] = await Array.fromAsync(model.generate(prompt, options));
          counts[a * 5 + b]! += 1;
        }
        let [statistic, freedom] = [0, -1];
        for (const [pair, p] of probabilities.entries()) {
          if (p === 0) assertEquals(counts[pair], 0, `pair ${pair} has no probability`);
          else {
            statistic += (counts[pair]! - runs * p) ** 2 / (runs * p);
            freedom += 1;
          }
        }
        const off = (statistic - freedom) / Math.sqrt(2 * freedom);
        assert(Math.abs(off) < 4, `χ² is ${off} standard deviations off at temperature ${temperature}`);
        assert(accepted > 0 && accepted < guessed, `${accepted} of ${guessed} guesses were accepted`);
      }
    }, 5);
  });
}, "alone");
