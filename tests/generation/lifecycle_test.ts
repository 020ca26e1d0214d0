/** Generators that are left, aborted or fail leave nothing behind, and the model goes on working. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend, Transformer } from "../../mod.ts";
import { engineTest, forEachEngine } from "../support/engines.ts";
import { text, uncached, withModel } from "./models.ts";

const config = { alibiPosBias: true, rotaryXpos: true };

/** Runs something and asserts that it leaves memory as it was and the model as able. */
async function leavesNothing(backend: Backend, model: Transformer, run: () => Promise<void>) {
  const options = { maxNewTokens: 5, temperature: 0 };
  const expected = await Array.fromAsync(model.generate(text(6), options));
  const before = backend.memory();
  await run();
  const after = backend.memory();
  assertEquals([after.bytesInUse, after.tensors], [before.bytesInUse, before.tensors]);
  assertEquals(await Array.fromAsync(model.generate(text(6), options)), expected);
}

for (const [name, given] of Object.entries({ "a cache": config, "no cache": uncached["xPos beside memory keys"]! })) {
  engineTest(`a generator that is left frees what it holds, with ${name}`, async (backend) => {
    await withModel(backend, given, async (model) => {
      await leavesNothing(backend, model, async () => {
        for await (const _ of model.generate(text(6))) break;
        const unused = model.generate(text(6));
        await unused.return(undefined);
        model.generate(text(6));
        const twice = model.generate(text(6));
        await twice.next();
        await twice.return(undefined);
        assertEquals(await twice.next(), { done: true, value: undefined });
      });
    });
  });

  engineTest(`an abort rejects with its reason, with ${name}`, async (backend) => {
    await withModel(backend, given, async (model) => {
      await leavesNothing(backend, model, async () => {
        const reason = new Error("enough");
        const aborted = AbortSignal.abort(reason);
        assertEquals(await model.generate(text(6), { signal: aborted }).next().catch((error) => error), reason);
        assertEquals(
          await model.generateBatch([text(6), text(3)], { signal: aborted }).catch((error) => error),
          reason,
        );
        const controller = new AbortController();
        const tokens: number[] = [];
        const run = async () => {
          for await (const token of model.generate(text(6), { signal: controller.signal, maxNewTokens: 20 })) {
            tokens.push(token);
            if (tokens.length === 3) controller.abort(reason);
          }
        };
        assertEquals(await run().catch((error) => error), reason);
        assertEquals(tokens.length, 3);
      });
    });
  });
}

engineTest("an abort is noticed while a long prompt is read", async (backend) => {
  await withModel(backend, { ...config, maxSeqLen: 6000, dim: 64 }, async (model) => {
    await leavesNothing(backend, model, async () => {
      const signal = AbortSignal.timeout(5);
      const began = performance.now();
      const generator = model.generate(text(5900), { signal });
      const error = await assertRejects(() => generator.next(), DOMException);
      assertEquals(error.name, "TimeoutError");
      const whole = performance.now();
      for await (const _ of model.generate(text(5900))) break;
      assert(whole - began < performance.now() - whole, "the prompt was read to its end");
    });
  });
}, "slow");

engineTest("timers fire while tokens are made", async (backend) => {
  await withModel(backend, { ...config, maxSeqLen: 64 }, async (model) => {
    const signal = AbortSignal.timeout(100);
    const endless = Array.fromAsync(model.generate(text(6), { signal, maxNewTokens: 1e9 }));
    await assertRejects(() => endless, DOMException);
  });
});

engineTest("a step that fails frees what it made", async (backend) => {
  await withModel(backend, config, async (model) => {
    await leavesNothing(backend, model, async () => {
      const onLogits = (_: Float32Array, index: number) => {
        if (index === 2) throw new Error("no more");
      };
      await assertRejects(() => Array.fromAsync(model.generate(text(6), { onLogits })), Error, "no more");
      await assertRejects(() => model.generateBatch([text(6), text(2)], { onLogits }), Error, "no more");
      const { sample } = backend;
      let draws = 0;
      backend.sample = (...args) => {
        if (++draws === 3) throw new Error("out of draws");
        return sample.apply(backend, args);
      };
      try {
        await assertRejects(() => Array.fromAsync(model.generate(text(6))), Error, "out of draws");
        draws = 0;
        await assertRejects(() => Array.fromAsync(model.generate(text(6), { draft: model })), Error, "out of draws");
      } finally {
        Object.assign(backend, { sample });
      }
    });
  });
});

// An engine that takes several steps at once gives the same tokens.
forEachEngine((engine, create, isAvailable) => {
  Deno.test({ name: `${engine}: steps ahead of what is read`, ignore: !isAvailable, fn: () => runAhead(create) });
});

async function runAhead(create: () => Promise<Backend>) {
  const backend = await create();
  const setAhead = (stepsAhead: number) =>
    Object.defineProperty(backend, "info", { value: { ...backend.info, stepsAhead }, configurable: true });
  const all = [config, { useAbsPosEmb: true }, { ...config, shiftTokens: 1 }, { numMemoryTokens: 2 }];
  for (const given of backend.name === "webgpu" ? all.slice(0, 1) : all) {
    await withModel(backend, { ...given, maxSeqLen: 24 }, async (model) => {
      const prompts = [text(6), text(2), text(11)];
      const run = async () => {
        const results: unknown[] = [];
        for (const overflow of ["recompute", "stop", undefined] as const) {
          const options = { maxNewTokens: 30, seed: 5, overflow };
          const free = await Array.fromAsync(model.generate(prompts[0]!, options));
          const ends = { ...options, stopTokens: [free[9]!] };
          results.push(free, await Array.fromAsync(model.generate(prompts[0]!, ends)));
          results.push(await model.generateBatch(prompts, ends));
        }
        const session = model.session();
        session.append(prompts[0]!);
        for await (const _ of session.generate({ seed: 5, maxNewTokens: 9 })) if (session.length === 10) break;
        results.push(session.tokens, await Array.fromAsync(session.generate({ seed: 6, maxNewTokens: 5 })));
        session.append([1, 2]);
        results.push(await Array.fromAsync(session.generate({ seed: 6, maxNewTokens: 30 })));
        session.dispose();
        return results;
      };
      setAhead(0);
      const expected = await run();
      setAhead(3);
      const before = backend.memory().bytesInUse;
      assertEquals(await run(), expected);
      for await (const _ of model.generate(prompts[0]!)) break;
      assertEquals(backend.memory().bytesInUse, before);
    });
  }
  assertEquals(backend.memory().tensors, 0);
  backend.dispose();
}
