/** Several turns over one cache. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Backend, ConfigError, DisposedError, ShapeError } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { cached, gpuFor, text, uncached, withModel } from "./models.ts";

const greedy = { maxNewTokens: 4, temperature: 0 };

for (const [name, config] of Object.entries({ ...cached, ...uncached })) {
  engineTest(`turns of a session are what the whole text gives, with ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      const session = model.session();
      const turn = async (options = {}) => {
        const expected = await Array.fromAsync(model.generate(session.tokens, { ...greedy, ...options }));
        assertEquals(await Array.fromAsync(session.generate({ ...greedy, ...options })), expected);
      };
      session.append(text(6));
      await turn();
      await turn();
      session.append([7, 8]).append(Int32Array.of(9));
      await turn();
      assertEquals(session.length, 6 + 4 + 4 + 3 + 4);
      await turn({ temperature: 1, seed: 3 });
      session.rewind(session.length - 2);
      await turn();
      session.rewind(8);
      await turn();
      session.rewind(session.length - 1).append([3]);
      await turn();
      for await (const _ of session.generate(greedy)) if (session.length % 2 === 0) break;
      await turn();
      session.rewind(0).append(text(3, 50, 4));
      await turn();
      session.dispose();
    });
  }, gpuFor(name));

  engineTest(`a fork goes its own way, with ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      const session = model.session();
      session.append(text(6));
      await Array.fromAsync(session.generate(greedy));
      const fork = session.fork();
      session.append([1]);
      fork.append([2]);
      const expected = [session, fork].map(({ tokens }) => Array.fromAsync(model.generate(tokens, greedy)));
      assertEquals(await Array.fromAsync(session.generate(greedy)), await expected[0]);
      session.dispose();
      assertEquals(await Array.fromAsync(fork.generate(greedy)), await expected[1]);
      fork.dispose();
    });
  }, gpuFor(name));
}

/** Counts the tokens that steps run on. */
async function countTokens(backend: Backend, run: () => Promise<void>): Promise<number> {
  const { embedding } = backend;
  let count = 0;
  backend.embedding = (tokens, weight) => {
    count += tokens.shape.reduce((product, size) => product * size, 1);
    return embedding.call(backend, tokens, weight);
  };
  try {
    await run();
  } finally {
    Object.assign(backend, { embedding });
  }
  return count;
}

engineTest("a turn runs on new tokens only", async (backend) => {
  await withModel(backend, { rotaryXpos: true, maxSeqLen: 100 }, async (model) => {
    const session = model.session();
    session.append(text(30));
    const turn = () => countTokens(backend, async () => void await Array.fromAsync(session.generate(greedy)));
    assertEquals(await turn(), 30 + 3);
    session.append([1, 2]);
    assertEquals(await turn(), 1 + 2 + 3);
    session.rewind(20).append([4]);
    assertEquals(await turn(), 1 + 3);
    const fork = session.fork().append([5]);
    const ahead = backend.info.stepsAhead ?? 0;
    assertEquals(await countTokens(backend, async () => void await fork.generate(greedy).next()), 2 + ahead);
    fork.dispose();
    session.dispose();
  });
});

engineTest("a session slides on, whatever is appended", async (backend) => {
  // Keys of a single layer without positions depend on their token alone, so that sliding is cropping.
  await withModel(backend, { rotaryXpos: true, alibiPosBias: true, depth: 1, maxSeqLen: 12 }, async (model) => {
    const session = model.session();
    const turn = async () => {
      const expected = await Array.fromAsync(model.generate(session.tokens, { ...greedy, overflow: "recompute" }));
      assertEquals(await Array.fromAsync(session.generate(greedy)), expected);
    };
    for (const length of [5, 6, 7, 1, 30, 12, 3]) {
      session.append(text(length, 50, length));
      await turn();
    }
    session.rewind(session.length - 3);
    await turn();
    session.rewind(5);
    await turn();
    session.dispose();
  });
});

engineTest("a session crops on, and goes back", async (backend) => {
  for (const config of [{ rotaryXpos: true, maxSeqLen: 12 }, { useAbsPosEmb: true, shiftTokens: 1, maxSeqLen: 12 }]) {
    await withModel(backend, config, async (model) => {
      const session = model.session({ overflow: "recompute" });
      const turn = async () => {
        const expected = await Array.fromAsync(model.generate(session.tokens, { ...greedy, overflow: "recompute" }));
        assertEquals(await Array.fromAsync(session.generate(greedy)), expected);
      };
      for (const length of [6, 3, 20]) {
        session.append(text(length, 50, length));
        await turn();
      }
      session.rewind(8);
      await turn();
      await turn();
      session.dispose();
    });
  }
});

engineTest("a session that was aborted goes on", async (backend) => {
  await withModel(backend, { rotaryXpos: true }, async (model) => {
    const session = model.session();
    session.append(text(6));
    const controller = new AbortController();
    const run = async () => {
      for await (const _ of session.generate({ ...greedy, signal: controller.signal })) controller.abort();
    };
    await assertRejects(run, DOMException);
    assertEquals(session.length, 7);
    const rest = await Array.fromAsync(session.generate({ ...greedy, maxNewTokens: 3 }));
    assertEquals([session.tokens[6], ...rest], await Array.fromAsync(model.generate(text(6), greedy)));
    const fail = () => {
      throw new Error("no");
    };
    await assertRejects(() => session.generate({ ...greedy, onLogits: fail }).next(), Error, "no");
    assertEquals(
      await Array.fromAsync(session.generate(greedy)),
      await Array.fromAsync(model.generate(session.tokens.slice(0, 10), greedy)),
    );
    session.dispose();
  });
});

engineTest("a session with a context, and with a draft", async (backend) => {
  await withModel(backend, { crossAttend: true, rotaryXpos: true }, async (model) => {
    const context = backend.tensor(Float32Array.from({ length: 3 * 32 }, (_, i) => Math.cos(i)), [1, 3, 32]);
    const contextMask = [[true, false, true]];
    const session = model.session({ context, contextMask });
    session.append(text(5));
    const expected = await Array.fromAsync(
      model.generate(text(5), { ...greedy, maxNewTokens: 8, context, contextMask }),
    );
    const first = await Array.fromAsync(session.generate(greedy));
    const fork = session.fork();
    assertEquals([...first, ...await Array.fromAsync(session.generate(greedy))], expected);
    session.dispose();
    assertEquals([...first, ...await Array.fromAsync(fork.generate(greedy))], expected);
    fork.dispose();
    context.dispose();
  });
  await withModel(backend, { rotaryXpos: true }, async (model) => {
    await withModel(backend, { alibiPosBias: true, depth: 1 }, async (draft) => {
      const session = model.session();
      session.append(text(5));
      const options = { ...greedy, maxNewTokens: 7 };
      const expected = await Array.fromAsync(model.generate(text(5), { ...options, maxNewTokens: 14 }));
      const first = await Array.fromAsync(session.generate({ ...options, draft }));
      assertEquals([...first, ...await Array.fromAsync(session.generate(options))], expected);
      session.rewind(8);
      for await (const _ of session.generate({ ...options, draft })) if (session.length === 11) break;
      assertEquals(session.tokens.slice(5), expected.slice(0, 6));
      session.dispose();
    });
  });
});

engineTest("a session says what it can't do", async (backend) => {
  await withModel(backend, { alibiPosBias: true, maxSeqLen: 10 }, async (model) => {
    const session = model.session({ overflow: "stop" });
    await assertRejects(() => session.generate().next(), ShapeError, "empty prompt");
    session.append(text(8));
    assertThrows(() => session.append([1, 2, 3]), ShapeError, "11 tokens with overflow = stop");
    assertThrows(() => session.append([99]), ConfigError, "token id 99");
    assertThrows(() => session.rewind(9), ConfigError, "from 0 to 8");
    await assertRejects(() => session.generate({ guidanceScale: 2 } as object).next(), ConfigError, "guidanceScale");
    await assertRejects(() => session.generate({ temperature: -1 }).next(), ConfigError, "temperature = -1");
    const running = session.generate();
    await running.next();
    assertThrows(() => session.append([1]), ConfigError, "while it generates");
    await assertRejects(() => session.generate().next(), ConfigError, "while it generates");
    await running.return(undefined);
    assertEquals((await Array.fromAsync(session.generate())).length, 1);
    assertEquals(await Array.fromAsync(session.generate()), []);
    session.rewind(4);
    session.dispose();
    session.dispose();
    await assertRejects(() => session.generate().next(), DisposedError, "was disposed");
    assert(session.length === 4);
    assertThrows(() => model.session({ overflow: "sometimes" } as object), ConfigError, "overflow");
  });
});

Deno.test("steps that run ahead of the host never run from a cache that lags behind the text", async () => {
  const { WasmBackend } = await import("../../assembly/backend.ts");
  const backend = await WasmBackend.create({ threads: 1 });
  Object.assign(backend, { info: { ...backend.info, stepsAhead: 2 } });
  await withModel(backend, { rotaryXpos: true, maxSeqLen: 12 }, async (model) => {
    const session = model.session({ overflow: "recompute" });
    for (const length of [6, 3, 20, 1]) {
      session.append(text(length, 50, length));
      const expected: number[] = [];
      for (let i = 0; i < 4; i++) {
        const [next = NaN] = await Array.fromAsync(
          model.generate([...session.tokens, ...expected], { ...greedy, maxNewTokens: 1, overflow: "recompute" }),
        );
        expected.push(next);
      }
      assertEquals(await Array.fromAsync(session.generate({ ...greedy, maxNewTokens: 4 })), expected);
    }
    session.dispose();
  });
  backend.dispose();
});
