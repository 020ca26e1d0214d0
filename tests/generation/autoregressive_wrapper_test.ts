/** The references' wrapper. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, type LogitsFilter, ShapeError } from "../../mod.ts";
import { AutoregressiveWrapper } from "../../models/language/autoregressive_wrapper.ts";
import { scalar } from "../../models/model.ts";
import { engineTest } from "../support/engines.ts";
import { forwardRows, text, withModel } from "./models.ts";

const config = { alibiPosBias: true, rotaryXpos: true };

engineTest("forward gives the loss, or the logits", async (backend) => {
  await withModel(backend, config, async (model) => {
    const wrapper = new AutoregressiveWrapper(model, { ignoreIndex: 3 });
    const rows = [text(9), text(9, 50, 2)];
    const [loss, expected] = [wrapper.forward(rows), model.loss(rows, { ignoreIndex: 3 })];
    assertEquals(await scalar(loss), await scalar(expected));
    const logits = wrapper.forward(rows, { returnLoss: false });
    assertEquals(logits.shape, [2, 9, 50]);
    for (const tensor of [loss, expected, logits]) tensor.dispose();
  });
});

engineTest(
  "maskProb hides earlier tokens from attention while training, and predicts them all the same",
  async (backend) => {
    for (const given of [config, { ...config, numMemoryTokens: 2 }]) {
      await withModel(backend, given, async (model) => {
        const tokens = text(12);
        const losses = async (seed: number) => {
          const wrapper = new AutoregressiveWrapper(model, { maskProb: 0.5, seed });
          const values: number[] = [];
          for (let i = 0; i < 3; i++) {
            const loss = wrapper.forward(tokens);
            values.push(await scalar(loss));
            loss.dispose();
          }
          return values;
        };
        const plain = model.loss(tokens);
        assertEquals(await losses(1), Array(3).fill(await scalar(plain)), "not in evaluation");
        model.train();
        const masked = await losses(1);
        assertEquals(await losses(1), masked);
        assertEquals(new Set([...masked, ...await losses(2)]).size, 6);
        model.eval();
        plain.dispose();
      });
    }
  },
);

engineTest("a key mask is that of attention alone", async (backend) => {
  await withModel(backend, { rotaryXpos: true, depth: 1 }, async (model) => {
    const tokens = text(10);
    const keyMask = [tokens.map((_, i) => i % 3 !== 1)];
    const ids = backend.tensor(Int32Array.from(tokens), [1, 10]);
    const [loss, tensor] = [model.loss(tokens, { keyMask }), model.loss(ids, { keyMask })];
    assertEquals(await scalar(tensor), await scalar(loss));
    const padded = { inputIds: Int32Array.from(tokens), attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0) };
    const both = model.loss({ ...padded, shape: [1, 10] }, { keyMask });
    const short = model.loss(tokens.slice(0, 8), { keyMask: [keyMask[0]!.slice(0, 8)] });
    assert(Math.abs(await scalar(both) - await scalar(short)) < 1e-5);
    assertThrows(() => model.loss(tokens, { keyMask: [[true]] }), ShapeError, "keyMask of 1 rows of 1");
    for (const made of [loss, tensor, both, short, ids]) made.dispose();
  });
});

engineTest("generate fills with padValue what follows an eos token", async (backend) => {
  await withModel(backend, config, async (model) => {
    const wrapper = new AutoregressiveWrapper(model, { padValue: 42 });
    const options = { temperature: 0 };
    const prompts = [text(4), text(6), text(2)];
    const free = await wrapper.generate(prompts, 10, options);
    assertEquals(free, await model.generateBatch(prompts, { maxNewTokens: 10, temperature: 0 }));
    assertEquals(await wrapper.generate(prompts[1]!, 10, options), free[1]);
    const eosToken = free[0]![2]!;
    const ended = await wrapper.generate(prompts, 10, { ...options, eosToken });
    const longest = Math.max(...ended.map((row) => row.length));
    for (const [row, tokens] of ended.entries()) {
      const end = free[row]!.indexOf(eosToken);
      const kept = end < 0 ? free[row]! : free[row]!.slice(0, end + 1);
      assertEquals(tokens, [...kept, ...Array(longest - kept.length).fill(42)]);
    }
    assertEquals((await wrapper.generate(prompts[0]!, 10, { ...options, eosToken })).at(-1), eosToken);
    await assertRejects(() => wrapper.generate([], 3), ShapeError, "empty prompt");
  });
});

engineTest("generate filters with top_k unless told otherwise", async (backend) => {
  await withModel(backend, config, async (model) => {
    const wrapper = new AutoregressiveWrapper(model);
    const run = (options = {}) => wrapper.generate(text(4), 16, { seed: 3, ...options });
    const plain = (options = {}) => Array.fromAsync(model.generate(text(4), { maxNewTokens: 16, seed: 3, ...options }));
    assertEquals(await run(), await plain({ topK: 5 }));
    assertEquals(await run({ strategy: "temperature", filterThres: 0.5 }), await plain({ topK: 25 }));
    assertEquals(await run({ strategy: "top_p", filterThres: 0.5 }), await plain({ topP: 0.5 }));
    const filterLogitsFn = ({ filterThres = 0 }): LogitsFilter => ({ minP: filterThres });
    assertEquals(await run({ filterLogitsFn, filterThres: 0.4 }), await plain({ minP: 0.4 }));
    assertEquals(await run({ draft: model, gamma: 3, temperature: 0 }), await plain({ temperature: 0 }));
  });
});

engineTest("the best of n solutions", async (backend) => {
  await withModel(backend, config, async (model) => {
    const wrapper = new AutoregressiveWrapper(model);
    const solutions = await wrapper.generateNSolutions(text(4), 5, 8, { seed: 1 });
    assertEquals(solutions.map((row) => row.length), Array(5).fill(8));
    assert(new Set(solutions.map(String)).size > 1);
    const reward = (row: readonly number[]) => row.reduce((sum, token) => sum + token, 0);
    const best = wrapper.evaluateAndSelectBestSolution(solutions, reward);
    for (const row of solutions) assert(reward(row) <= reward(solutions[best]!));
    assertEquals(wrapper.evaluateAndSelectBestSolution([[1], [3], [3]], reward), 1);
    assertThrows(() => wrapper.evaluateAndSelectBestSolution([], reward), ConfigError, "no solutions");
    await assertRejects(() => wrapper.generateNSolutions(text(4), 0, 8), ConfigError, "n = 0");
    assertThrows(() => new AutoregressiveWrapper(model, { maskProb: 1 }), ConfigError, "maskProb = 1");
    assertEquals((await forwardRows(model, text(4))).length, 4);
  });
});
