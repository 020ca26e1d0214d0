/** Each row of a batch is what its prompt gives alone. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, ShapeError, type TokenBatch, type Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { cached, distance, gpuFor, text, uncached, withModel } from "./models.ts";

const lengths = [7, 1, 12, 3];
const prompts = lengths.map((length, i) => text(length, 50, i + 1));

async function alone(model: Transformer, options: Parameters<Transformer["generate"]>[1]) {
  const rows: number[][] = [];
  for (const prompt of prompts) rows.push(await Array.fromAsync(model.generate(prompt, options)));
  return rows;
}

/** The prompts as a tokenizer pads them. */
function padded(side: "left" | "right"): TokenBatch {
  const n = Math.max(...lengths);
  const [inputIds, attentionMask] = [new Int32Array(prompts.length * n), new Int32Array(prompts.length * n)];
  for (const [row, prompt] of prompts.entries()) {
    const from = row * n + (side === "left" ? n - prompt.length : 0);
    inputIds.set(prompt, from);
    attentionMask.fill(1, from, from + prompt.length);
  }
  return { inputIds, attentionMask, shape: [prompts.length, n] };
}

for (const [name, config] of Object.entries({ ...cached, ...uncached })) {
  engineTest(`rows of any lengths with ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      const options = { maxNewTokens: 20, temperature: 0 };
      const expected = await alone(model, options);
      assertEquals(await model.generateBatch(prompts, options), expected);
      assertEquals(await model.generateBatch(padded("left"), options), expected, "padded on the left");
      assertEquals(await model.generateBatch(padded("right"), options), expected, "padded on the right");
      assertEquals(await model.generateBatch(prompts.map((row) => Int32Array.from(row)), options), expected);
    });
  }, gpuFor(name));

  engineTest(`rows that outgrow maxSeqLen one after the other with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 16 }, async (model) => {
      for (const overflow of ["recompute", "stop"] as const) {
        const options = { maxNewTokens: 20, temperature: 0, overflow };
        assertEquals(await model.generateBatch(prompts, options), await alone(model, options), overflow);
      }
    });
  }, gpuFor(name));

  engineTest(`rows that end one after the other with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 20 }, async (model) => {
      const free = await alone(model, { maxNewTokens: 14, temperature: 0, overflow: "recompute" });
      const stopTokens = [free[0]![2]!, free[2]![6]!];
      const options = { maxNewTokens: 14, temperature: 0, overflow: "recompute", stopTokens } as const;
      const expected = await alone(model, options);
      assert(new Set(expected.map((row) => row.length)).size > 1);
      assertEquals(await model.generateBatch(prompts, options), expected);
    });
  }, gpuFor(name));
}

engineTest("logits of left-padded rows are those of the rows alone", async (backend) => {
  await withModel(backend, { rotaryXpos: true, alibiPosBias: true, shiftTokens: 1 }, async (model) => {
    const collect = () => {
      const steps = new Map<string, Float32Array>();
      const onLogits = (logits: Float32Array, index: number, row: number) => void steps.set(`${row} ${index}`, logits);
      return { steps, options: { maxNewTokens: 9, temperature: 0, onLogits } };
    };
    const batch = collect();
    await model.generateBatch(padded("left"), batch.options);
    for (const [row, prompt] of prompts.entries()) {
      const single = collect();
      await Array.fromAsync(model.generate(prompt, single.options));
      for (let index = 0; index < 9; index++) {
        const off = distance(single.steps.get(`0 ${index}`)!, batch.steps.get(`${row} ${index}`)!);
        assert(off <= 1e-4, `row ${row}, token ${index}: ${off}`);
      }
    }
  });
});

engineTest("a batch of contexts", async (backend) => {
  for (const overflow of ["slide", "recompute"] as const) {
    await withModel(backend, { crossAttend: true, maxSeqLen: 14 }, async (model) => {
      const values = Float32Array.from({ length: 4 * 5 * 32 }, (_, i) => Math.sin(i * i));
      const context = backend.tensor(values, [4, 5, 32]);
      const contextMask = [0, 1, 2, 3].map((row) => Array.from({ length: 5 }, (_, i) => i !== row));
      const options = { maxNewTokens: 12, temperature: 0, overflow };
      const rows = await model.generateBatch(prompts, { ...options, context, contextMask });
      for (const [row, prompt] of prompts.entries()) {
        const own = backend.tensor(values.slice(row * 5 * 32, (row + 1) * 5 * 32), [1, 5, 32]);
        const given = { ...options, context: own, contextMask: [contextMask[row]!] };
        assertEquals(await Array.fromAsync(model.generate(prompt, given)), rows[row]);
        own.dispose();
      }
      context.dispose();
    });
  }
});

engineTest("tokens on the device, no prompts, and empty ones", async (backend) => {
  await withModel(backend, { rotaryPosEmb: true }, async (model) => {
    const ids = backend.tensor(Int32Array.of(3, 1, 4, 1, 5, 9), [2, 3]);
    const options = { maxNewTokens: 5, temperature: 0 };
    assertEquals(await model.generateBatch(ids, options), await model.generateBatch([[3, 1, 4], [1, 5, 9]], options));
    ids.dispose();
    assertEquals(await model.generateBatch([], options), []);
    const emptyRow = await assertRejects(() => model.generateBatch([[1], []]), ShapeError);
    assertEquals(
      emptyRow.message,
      "Cannot continue an empty prompt (row 1): give at least one token, such as the tokenizer's eos token",
    );
    await assertRejects(() => model.generate([]).next(), ShapeError, "empty prompt");
    await assertRejects(() => model.generate([[1], [2]]).next(), ShapeError, "use generateBatch");
    await assertRejects(() => model.generate([50]).next(), ConfigError, "token id 50");
  });
});
