/** Strategies, seeds, penalties, guidance, and the tokens that end a text. */

import { assert, assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { type LogitsFilter, LOWEST, readSafetensors, type Tensor } from "../../mod.ts";
import type { GenerateOptions } from "../../models/generation/options.ts";
import { minP, topA, topK, topP } from "../../models/generation/sampling/filters.ts";
import { engineTest } from "../support/engines.ts";
import { goldenTest, goldenUrl } from "../support/golden.ts";
import { argmax, distance, forwardRows, text, withModel } from "./models.ts";

const config = { alibiPosBias: true, rotaryXpos: true };
const thresholds = { filterThres: undefined, minPPow: 2, minPRatio: 0.02, numTokens: 97 };

goldenTest("the strategies keep the tokens that the references keep", async () => {
  const tensors = await readSafetensors(goldenUrl("golden/sampling/io.safetensors"));
  const backend = await WasmBackend.create();
  const compare = async (filter: LogitsFilter, logits: string, expected: string) => {
    const [given, wanted] = [tensors.get(logits)!, tensors.get(expected)!];
    const filtered = backend.scope(() =>
      backend.filterLogits(backend.tensor(given.values().slice(), given.shape), filter)
    );
    const actual = await filtered.data();
    filtered.dispose();
    assertEquals([...actual].map((logit) => logit === LOWEST ? -Infinity : logit), [...wanted.values()], expected);
  };
  const inputs = [...tensors.keys()].filter((name) => name.endsWith(".logits")).map((name) => name.slice(0, -7));
  assert(inputs.length >= 1);
  let compared = 0;
  for (const name of inputs) {
    const [, numTokens = 0] = tensors.get(`${name}.logits`)!.shape;
    const given = { ...thresholds, numTokens };
    const cases: [string, LogitsFilter][] = [
      ["zeta.top_k", topK(given)],
      ["zeta.top_k_0.5", topK({ ...given, filterThres: 0.5 })],
      ["zeta.top_p", topP({ ...given, filterThres: 1 - 0.9 })], // zeta has the mass inverted
      ["zeta.top_p_0.1", topP({ ...given, filterThres: 1 - 0.1 })],
      ["xt.top_k", topK(given)],
      ["xt.top_k_k5", { topK: 5 }],
      ["xt.top_p", topP(given)],
      ["xt.top_a", topA(given)],
      ["xt.min_p", minP(given)],
    ];
    for (const [expected, filter] of cases) {
      if (!tensors.has(`${name}.${expected}`)) continue;
      await compare(filter, `${name}.logits`, `${name}.${expected}`);
      compared += 1;
    }
  }
  backend.dispose();
  assert(compared >= 9, `${compared} filters`);
});

engineTest("a strategy is the filter that it stands for", async (backend) => {
  await withModel(backend, config, async (model) => {
    const run = (options: GenerateOptions) =>
      Array.fromAsync(model.generate(text(5), { maxNewTokens: 24, seed: 4, ...options }));
    const pairs: [GenerateOptions, GenerateOptions][] = [
      [{ strategy: "top_k" }, { topK: 5 }], // ⌈(1 - 0.9) · 50⌉
      [{ filterThres: 0.7 }, { topK: 16 }], // ⌈(1 - 0.7) · 50⌉ in doubles
      [{ strategy: "top_p", filterThres: 0.4 }, { topP: 0.4 }],
      [{ strategy: "top_p" }, { topP: 0.9 }],
      [{ strategy: "top_a", minPPow: 0.5, minPRatio: 0.3 }, { topA: { power: 0.5, ratio: 0.3 } }],
      [{ strategy: "top_a", minPRatio: 0.9 }, { topA: 0.9 }],
      [{ strategy: "min_p", filterThres: 0.6 }, { minP: 0.6 }],
      [{ strategy: "temperature" }, {}],
      [{ topK: 1 }, { temperature: 0 }],
      [{ topP: 1e-9 }, { temperature: 0 }],
      [{ minP: 1 }, { temperature: 0 }],
      [{ topK: 1, temperature: 5 }, { temperature: 0, seed: 99 }],
      [{ temperature: 1e-6 }, { temperature: 0 }],
    ];
    for (const [one, other] of pairs) assertEquals(await run(one), await run(other), JSON.stringify([one, other]));
    const texts = [await run({}), await run({ topK: 5 }), await run({ temperature: 0 }), await run({ topP: 0.4 })];
    assertEquals(new Set(texts.map(String)).size, 4);
  });
}, "alone");

engineTest("the same seed gives the same tokens", async (backend) => {
  await withModel(backend, config, async (model) => {
    const run = (seed?: number) => Array.fromAsync(model.generate(text(5), { maxNewTokens: 20, seed }));
    assertEquals(await run(7), await run(7));
    assertEquals(await run(-1), await run(2 ** 32 - 1));
    const texts = [await run(7), await run(8), await run(), await run()];
    assertEquals(new Set(texts.map(String)).size, 4);
    const rows = await model.generateBatch([text(5), text(5), text(5)], { maxNewTokens: 20, seed: 7 });
    assertEquals(rows[0], await run(7), "the first row draws what a single text does");
    assertEquals(new Set(rows.map(String)).size, 3, "rows draw by themselves");
    const ends = { maxNewTokens: 20, seed: 7, stopTokens: [rows[0]![3]!] };
    const cut = (row: number[]) => row.includes(ends.stopTokens[0]!) ? row.indexOf(ends.stopTokens[0]!) + 1 : 20;
    assertEquals(
      await model.generateBatch([text(5), text(5), text(5)], ends),
      rows.map((row) => row.slice(0, cut(row))),
      "a row draws the same whether or not others have ended",
    );
  });
});

engineTest("a text ends with its eos or stop token", async (backend) => {
  await withModel(backend, config, async (model) => {
    const options = { maxNewTokens: 20, seed: 2 };
    const free = await Array.fromAsync(model.generate(text(5), options));
    const end = free.findIndex((token, i) => i > 4 && free.indexOf(token) === i);
    for (const ends of [{ eosToken: free[end]! }, { stopTokens: [49, free[end]!] }]) {
      const tokens = await Array.fromAsync(model.generate(text(5), { ...options, ...ends }));
      assert(tokens.length <= end + 1);
      assertEquals(tokens, free.slice(0, tokens.length));
      assert(Object.values(ends).flat().includes(tokens.at(-1)!));
    }
    assertEquals(await Array.fromAsync(model.generate(text(5), { ...options, maxNewTokens: 0 })), []);
  });
});

engineTest("a repetition penalty counts the prompt and what was made", async (backend) => {
  await withModel(backend, { ...config, numTokens: 30 }, async (model) => {
    const prompt = text(6, 30);
    const steps: Float32Array[] = [];
    const onLogits = (logits: Float32Array) => void steps.push(logits);
    const options = { maxNewTokens: 12, temperature: 0, repetitionPenalty: 1.7, onLogits };
    const tokens = await Array.fromAsync(model.generate(prompt, options));
    for (const [i, logits] of steps.entries()) {
      const seen = new Set([...prompt, ...tokens.slice(0, i)]);
      const penalised = logits.map((logit, id) => !seen.has(id) ? logit : logit > 0 ? logit / 1.7 : logit * 1.7);
      assertEquals(tokens[i], argmax(penalised), `token ${i}`);
    }
    const short = { maxNewTokens: 12, temperature: 0, repetitionPenalty: 1.7 };
    assertEquals((await model.generateBatch([text(2, 30), prompt], short))[1], tokens);
    const plain = await Array.fromAsync(model.generate(prompt, { ...short, repetitionPenalty: 1 }));
    assert(String(plain) !== String(tokens));
  });
});

engineTest("guidance goes from the unconditional logits towards and past the conditional ones", async (backend) => {
  await withModel(backend, config, async (model) => {
    for (const negativePrompt of [undefined, [3, 4, 5, 6, 7, 8, 9, 10]]) {
      const steps: Float32Array[] = [];
      const onLogits = (logits: Float32Array) => void steps.push(logits);
      const options = { maxNewTokens: 6, temperature: 0, guidanceScale: 2.5, negativePrompt };
      const prompt = text(5);
      const tokens = await Array.fromAsync(model.generate(prompt, { ...options, onLogits }));
      for (const [i, logits] of steps.entries()) {
        const made = tokens.slice(0, i);
        const [cond] = await forwardRows(model, [...prompt, ...made], { positions: "last" });
        const negative = [...negativePrompt ?? prompt.slice(-1), ...made];
        const [uncond] = await forwardRows(model, negative, { positions: "last" });
        const expected = uncond!.map((logit, id) => logit + 2.5 * (cond![id]! - logit));
        assert(distance(logits, expected) <= 1e-4, `token ${i}`);
      }
      const rows = await model.generateBatch([text(3), prompt], options);
      assertEquals(rows[1], tokens);
      assertEquals(rows[0], await Array.fromAsync(model.generate(text(3), options)));
    }
    const plain = await Array.fromAsync(model.generate(text(5), { maxNewTokens: 9, temperature: 0 }));
    const none = { maxNewTokens: 9, temperature: 0, guidanceScale: 1 };
    assertEquals(await Array.fromAsync(model.generate(text(5), none)), plain);
  });
});

engineTest("guidance hides the context from the unconditional rows", async (backend) => {
  for (const overflow of ["slide", "recompute"] as const) {
    await withModel(backend, { crossAttend: true, ...config, maxSeqLen: 12 }, async (model) => {
      const context = backend.tensor(Float32Array.from({ length: 2 * 4 * 32 }, (_, i) => Math.sin(i * i)), [2, 4, 32]);
      const contextMask = [[true, true, true, false], [true, false, true, true]];
      const prompts = [text(5), text(9)];
      const steps = new Map<string, Float32Array>();
      const onLogits = (logits: Float32Array, index: number, row: number) => void steps.set(`${row} ${index}`, logits);
      const options = { maxNewTokens: 6, temperature: 0, guidanceScale: 3, overflow, context, contextMask };
      const rows = await model.generateBatch(prompts, { ...options, onLogits });
      for (const [row, prompt] of prompts.entries()) {
        for (let index = 0; prompt.length + index <= 12 && index < 6; index++) {
          const tokens = [...prompt, ...rows[row]!.slice(0, index)];
          const see = async (mask: boolean[]) => {
            const own = rowOf(context, row);
            const given = { positions: "last", context: own, contextMask: [mask] } as const;
            const [logits] = await forwardRows(model, tokens, given);
            own.dispose();
            return logits!;
          };
          const [cond, uncond] = [await see(contextMask[row]!), await see([false, false, false, false])];
          const expected = uncond.map((logit, id) => logit + 3 * (cond[id]! - logit));
          const off = distance(steps.get(`${row} ${index}`)!, expected);
          assert(off <= 2e-4, `${overflow}, row ${row}, token ${index}: ${off}`);
        }
      }
      context.dispose();
    });
  }
});

function rowOf(context: Tensor, row: number): Tensor {
  const { backend, shape: [b = 0, m = 0, dim = 0] } = context;
  return backend.scope(() =>
    backend.reshape(backend.slice(backend.reshape(context, [1, b, m * dim]), row, row + 1), [1, m, dim])
  );
}
