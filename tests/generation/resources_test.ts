/**
 * Texts give their memory back when their model is disposed of or their signal is aborted. `tests/wasm/dropped_test.ts`
 * has the third.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Backend, DisposedError, type Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { text, withModel } from "./models.ts";

const config = { alibiPosBias: true, rotaryXpos: true };

/** Everything that can be under way with a model, each after its first token. */
async function begin(model: Transformer): Promise<AsyncGenerator<number>[]> {
  const session = model.session().append(text(5));
  const generators = [
    model.generate(text(6)),
    model.generate(text(6), { guidanceScale: 2 }),
    model.generate(text(6), { draft: model, gamma: 2 }),
    session.generate(),
    session.fork().append([1]).generate({ draft: model }),
  ];
  for (const generator of generators) await generator.next();
  return generators;
}

engineTest("a model that is disposed frees what is under way, which ends with a DisposedError", async (backend) => {
  await withModel(backend, config, async (model) => {
    const generators = await begin(model);
    const unused = model.generate(text(6));
    const batch = model.generateBatch([text(6), text(3)], { maxNewTokens: 1000 }).catch((error) => error);
    const idle = model.session().append(text(4));
    model.dispose();
    assertEquals(backend.memory().tensors, 0);
    for (const generator of [...generators, unused, idle.generate()]) {
      await assertRejects(() => generator.next(), DisposedError);
      assertEquals(await generator.next(), { done: true, value: undefined });
    }
    assert(await batch instanceof DisposedError);
    assertEquals(backend.memory().tensors, 0);
    idle.dispose();
  });
});

engineTest(
  "an abort frees what a generation holds at once, before anybody asks for the next token",
  async (backend) => {
    await withModel(backend, config, async (model) => {
      const before = backend.memory();
      const ways = [{}, { guidanceScale: 2 }, { draft: model, gamma: 2 }, { onLogits: () => {} }];
      for (const options of ways) {
        const controller = new AbortController();
        const generator = model.generate(text(6), { ...options, signal: controller.signal });
        await generator.next();
        assert(backend.memory().tensors > before.tensors);
        controller.abort(new Error("enough"));
        assertEquals(held(backend), [before.bytesInUse, before.tensors]);
        await assertRejects(() => generator.next(), Error, "enough");
        assertEquals(await generator.next(), { done: true, value: undefined });
      }
      const controller = new AbortController();
      const batch = model.generateBatch([text(6), text(3)], { maxNewTokens: 1000, signal: controller.signal });
      setTimeout(() => {
        controller.abort(new Error("enough"));
        assertEquals(held(backend), [before.bytesInUse, before.tensors]);
      });
      await assertRejects(() => batch, Error, "enough");
      assertEquals(held(backend), [before.bytesInUse, before.tensors]);
    });
  },
);

engineTest("a signal that lives on is left alone by generations that are over", async (backend) => {
  await withModel(backend, config, async (model) => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, given);
    };
    await Array.fromAsync(model.generate(text(6), { maxNewTokens: 3, signal }));
    await model.generateBatch([text(6), text(2)], { maxNewTokens: 3, signal, draft: model });
    for await (const _ of model.generate(text(6), { signal })) break;
    const session = model.session().append([1]);
    await Array.fromAsync(session.generate({ maxNewTokens: 3, signal }));
    session.dispose();
    assertEquals(listeners, 0);
  });
});

engineTest("a session keeps its cache when a turn is aborted, and goes on", async (backend) => {
  await withModel(backend, config, async (model) => {
    const session = model.session().append(text(6));
    const controller = new AbortController();
    const turn = session.generate({ temperature: 0, signal: controller.signal });
    const first = [(await turn.next()).value, (await turn.next()).value];
    controller.abort(new Error("enough"));
    await assertRejects(() => turn.next(), Error, "enough");
    const rest = await Array.fromAsync(session.generate({ temperature: 0, maxNewTokens: 3 }));
    const whole = await Array.fromAsync(model.generate(text(6), { temperature: 0, maxNewTokens: 5 }));
    assertEquals([...first, ...rest], whole);
    session.dispose();
  });
});

function held(backend: Backend): number[] {
  const { bytesInUse, tensors } = backend.memory();
  return [bytesInUse, tensors];
}
