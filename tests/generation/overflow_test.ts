/** Beyond maxSeqLen: slide, recompute, stop. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, ShapeError, type Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { argmax, cached, distance, forwardRows, gpuFor, text, uncached, withModel } from "./models.ts";

/** The references' cropping, token by token from scratch. */
async function cropped(model: Transformer, prompt: number[], count: number): Promise<number[]> {
  const all = [...prompt];
  for (let i = 0; i < count; i++) {
    const [last] = await forwardRows(model, all.slice(-model.config.maxSeqLen), { positions: "last" });
    all.push(argmax(last!));
  }
  return all.slice(prompt.length);
}

for (const [name, config] of Object.entries({ ...cached, ...uncached })) {
  engineTest(`recompute crops as the references do, with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 12 }, async (model) => {
      for (const length of [5, 12, 20]) {
        const expected = await cropped(model, text(length), 16);
        const options = { maxNewTokens: 16, temperature: 0, overflow: "recompute" } as const;
        assertEquals(await Array.fromAsync(model.generate(text(length), options)), expected, `${length} tokens`);
      }
    });
  }, gpuFor(name));
}

const sliding = Object.entries(cached).filter(([name]) => !/absolute|memory tokens|rotated values/.test(name));

for (const [name, config] of sliding) {
  // Keys and values of a single layer depend on one token each (two with token shift), so that sliding is cropping.
  engineTest(`slide is cropping for a model of one layer, with ${name}`, async (backend) => {
    await withModel(backend, { ...config, depth: 1, maxSeqLen: 12, shiftTokens: 0 }, async (model) => {
      const steps: Record<string, Float32Array[]> = { slide: [], recompute: [] };
      for (const overflow of ["recompute", "slide"] as const) {
        const onLogits = (logits: Float32Array) => void steps[overflow]!.push(logits);
        const options = { maxNewTokens: 40, temperature: 0, overflow, onLogits };
        await Array.fromAsync(model.generate(text(7), options));
      }
      for (const [i, logits] of steps.slide!.entries()) {
        const off = distance(logits, steps.recompute![i]!);
        assert(off <= 1e-4, `token ${i}: ${off}`);
      }
    });
  }, gpuFor(name));

  engineTest(`rows of a batch slide alike, with ${name}`, async (backend) => {
    await withModel(backend, { ...config, maxSeqLen: 12 }, async (model) => {
      const prompts = [text(3), text(12), text(30), text(7)];
      const options = { maxNewTokens: 30, temperature: 0, overflow: "slide" } as const;
      const rows = await model.generateBatch(prompts, options);
      for (const [row, prompt] of prompts.entries()) {
        const single = await Array.fromAsync(model.generate(prompt, options));
        assertEquals(single.length, 30);
        assertEquals(rows[row], single, `row ${row}`);
        const tail = await Array.fromAsync(model.generate(prompt.slice(-12), options));
        assertEquals(tail, single, "a prompt that is too long counts by its end");
      }
    });
  }, gpuFor(name));
}

engineTest("a slide takes no more memory as it goes on", async (backend) => {
  await withModel(backend, { alibiPosBias: true, maxSeqLen: 8 }, async (model) => {
    const used: number[] = [];
    for await (const _ of model.generate(text(5), { maxNewTokens: 40, temperature: 0 })) {
      used.push(backend.memory().bytesInUse);
    }
    assertEquals(Math.max(...used), used[0]);
  });
});

engineTest("the way beyond maxSeqLen is what the model can do", async (backend) => {
  const cases = [
    [{ alibiPosBias: true }, "slide"],
    [{ useAbsPosEmb: true }, "recompute"],
    [{ numMemoryTokens: 2 }, "recompute"],
    [cached["zeta's rotated values without scale"]!, "recompute"],
    [uncached["zeta's rotated values with xPos"]!, "recompute"],
  ] as const;
  for (const [config, expected] of cases) {
    await withModel(backend, { ...config, maxSeqLen: 10 }, async (model) => {
      const options = { maxNewTokens: 20, temperature: 0 };
      const tokens = await Array.fromAsync(model.generate(text(6), options));
      assertEquals(tokens, await Array.fromAsync(model.generate(text(6), { ...options, overflow: expected })));
      if (expected === "slide") return;
      const slide = model.generate(text(6), { ...options, overflow: "slide" });
      await assertRejects(() => slide.next(), ConfigError, "Cannot use overflow = slide");
    });
  }
});

engineTest("stop ends where maxSeqLen is reached", async (backend) => {
  await withModel(backend, { alibiPosBias: true, maxSeqLen: 10 }, async (model) => {
    const options = { maxNewTokens: 20, temperature: 0, overflow: "stop" } as const;
    assertEquals((await Array.fromAsync(model.generate(text(6), options))).length, 4);
    assertEquals(await Array.fromAsync(model.generate(text(10), options)), []);
    const rows = await model.generateBatch([text(6), text(10), text(9)], options);
    assertEquals(rows.map((row) => row.length), [4, 0, 1]);
    await assertRejects(() => model.generate(text(11), options).next(), ShapeError, "11 tokens with overflow = stop");
  });
});
