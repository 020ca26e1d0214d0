/**
 * Keys and values kept in f16 and q8_0: the error of logits, and that distant positions give what the first ones give.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type CacheFormat, ConfigError, LanguageModel, type Transformer } from "../../mod.ts";
import { attentionsOf } from "../../models/network/architecture.ts";
import { caseNames, readCase, rowsOf } from "../support/cases.ts";
import { engineTest } from "../support/engines.ts";
import { cached, distance, gpuFor, text, withModel } from "./models.ts";

const FORMATS = ["f32", "f16", "q8_0"] as const;

/** How far logits of some units may be from those of an f32 cache; the largest distances found were 9e-4 and 4.3e-2. */
const TOLERANCES = { f32: 0, f16: 2e-3, q8_0: 6e-2 };

/** Logits of each step of a text that is given, greedy or not. */
async function stepLogits(model: LanguageModel, prompt: readonly number[], cacheDtype: CacheFormat) {
  const logits: Float32Array[] = [];
  const onLogits = (values: Float32Array) => void logits.push(values);
  const options = { maxNewTokens: 12, temperature: 0, onLogits, cacheDtype };
  return { tokens: await Array.fromAsync(model.generate(prompt, options)), logits };
}

/**
 * Greedy tokens of a smaller cache are those of f32 up to where two logits are closer than its error; logits are near
 * until then.
 */
async function compareWithF32(
  model: LanguageModel,
  prompt: readonly number[],
  cacheDtype: CacheFormat,
): Promise<number> {
  const [expected, actual] = [await stepLogits(model, prompt, "f32"), await stepLogits(model, prompt, cacheDtype)];
  let compared = 0;
  for (const [i, values] of expected.logits.entries()) {
    const off = distance(actual.logits[i]!, values);
    assert(off <= TOLERANCES[cacheDtype], `${cacheDtype}, step ${i}: off by ${off}`);
    compared += 1;
    if (actual.tokens[i] === expected.tokens[i]) continue;
    const [first = 0, second = 0] = values.toSorted((a, b) => b - a);
    assert(first - second <= 2 * TOLERANCES[cacheDtype], `${cacheDtype}, step ${i}: another token`);
    break;
  }
  return compared;
}

for (const name of (await caseNames()).filter((name) => name === "andromeda-dimhead64" || name === "xt-andromeda")) {
  engineTest(`${name} generates from smaller caches what is near f32`, async (backend) => {
    const { io, load } = await readCase(name);
    const model = await load(backend);
    if (!(model instanceof LanguageModel)) throw new Error(`${name} is no language model`);
    const dimHead = attentionsOf(model.net.architecture.layers)[0]?.dimHead ?? 0;
    const prompts = io.get("prompt") ? rowsOf(io.get("prompt")!) : [text(12, model.net.numTokens)];
    for (const format of FORMATS.filter((format) => format !== "q8_0" || dimHead % 32 === 0)) {
      for (const prompt of prompts) assert(await compareWithF32(model, prompt, format) >= 4);
    }
    model.dispose();
  }, "slow");
}

for (const name of ["ALiBi", "xPos", "ALiBi and xPos with QK norm", "scores in memory", "token shift"]) {
  engineTest(`steps from smaller caches with ${name}`, async (backend) => {
    await withModel(backend, cached[name]!, async (model) => {
      for (const format of FORMATS) assert(await compareWithF32(model, text(9), format) >= 4);
    });
  }, gpuFor(name));
}

engineTest("turns, forks and rewinds of a session keep the format", async (backend) => {
  await withModel(backend, { rotaryXpos: true, alibiPosBias: true, maxSeqLen: 30 }, async (model) => {
    for (const cacheDtype of FORMATS) {
      const options = { maxNewTokens: 4, temperature: 0 };
      const session = model.session({ cacheDtype });
      session.append(text(6));
      const first = await Array.fromAsync(session.generate(options));
      const inUse = backend.memory().bytesInUse;
      const fork = session.fork();
      const second = await Array.fromAsync(session.generate(options));
      assertEquals(await Array.fromAsync(fork.generate(options)), second);
      assert(backend.memory().bytesInUse - inUse <= inUse);
      session.rewind(6 + 4);
      assertEquals(await Array.fromAsync(session.generate(options)), second);
      const whole = model.generate(text(6), { ...options, maxNewTokens: 8, cacheDtype });
      assertEquals([...first, ...second], await Array.fromAsync(whole));
      // Beyond maxSeqLen the cache slides.
      assertEquals((await Array.fromAsync(session.generate({ ...options, maxNewTokens: 40 }))).length, 40);
      session.dispose();
      fork.dispose();
    }
  });
});

engineTest("rows of a batch keep the format", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    for (const cacheDtype of FORMATS) {
      const options = { maxNewTokens: 6, temperature: 0, cacheDtype };
      const prompts = [text(3), text(8)];
      const rows = await model.generateBatch(prompts, options);
      for (const [i, prompt] of prompts.entries()) {
        assertEquals(rows[i], await Array.fromAsync(model.generate(prompt, options)));
      }
    }
  });
});

/** Where the positions of a text begin, in a cache that then holds it alone. */
const FAR = 100_000;
/** Tokens that fill the cache in one step, over the end of a block of 512 positions. */
const WINDOW = 560;

/**
 * Logits of a text that begins at a position: of a step that fills the cache, and of two steps of one token that slide
 * it on.
 */
async function logitsFrom(model: Transformer, start: number, dtype: CacheFormat): Promise<Float32Array> {
  const { backend, net } = model;
  const cache = model.createCache(1, WINDOW, dtype);
  const parts: Float32Array[] = [];
  try {
    backend.scope(() => cache.commit(cache.begin(backend, [start], 1)));
    const tokens = Int32Array.from(text(WINDOW + 2));
    for (const [from, to] of [[0, WINDOW], [WINDOW, WINDOW + 1], [WINDOW + 1, WINDOW + 2]] as const) {
      const { logits, step } = backend.scope(() => {
        const ids = backend.tensor(tokens.subarray(from, to), [1, to - from]);
        const { hidden, step } = net.step(backend, ids, cache);
        return { logits: net.logits(backend, hidden), step, kept: step.kept };
      });
      cache.commit(step);
      parts.push(await logits.data() as Float32Array);
      logits.dispose();
    }
  } finally {
    cache.dispose();
  }
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

for (
  const [name, tolerances] of Object.entries({
    "ALiBi": { f32: 1e-4, f16: 1e-4, q8_0: 1e-4 },
    "xPos": { f32: 1e-4, f16: 1e-3, q8_0: 5e-2 },
    "ALiBi and xPos with QK norm": { f32: 1e-4, f16: 1e-3, q8_0: 5e-2 },
  })
) {
  engineTest(`positions from 100,000 on give what positions from 0 on give, with ${name}`, async (backend) => {
    await withModel(backend, { ...cached[name], maxSeqLen: WINDOW }, async (model) => {
      for (const format of FORMATS) {
        const near = await logitsFrom(model, 0, format);
        const [far, block] = [
          await logitsFrom(model, FAR, format),
          await logitsFrom(model, FAR - FAR % 512 - 1, format),
        ];
        assert(near.every(Number.isFinite) && near.some((value) => Math.abs(value) > 0.1));
        for (const other of [far, block]) {
          assert(distance(other, near) <= tolerances[format], `${format}: off by ${distance(other, near)}`);
        }
      }
    });
  }, gpuFor(name) === "alone" ? "alone" : "slow");
}

engineTest("generation says which caches it can't have", async (backend) => {
  await withModel(backend, { dimHead: 24, alibiPosBias: true }, async (model) => {
    assertThrows(() => model.createCache(1, 10, "q8_0"), ConfigError, "q8_0 cache of heads 24 wide");
    await assertRejects(() => model.generate([1], { cacheDtype: "q8_0" }).next(), ConfigError, "heads 24 wide");
    await assertRejects(
      () => model.generate([1], { cacheDtype: "q4_0" as CacheFormat }).next(),
      ConfigError,
      "cacheDtype",
    );
    const session = model.session();
    session.append([1]);
    await assertRejects(() => session.generate({ cacheDtype: "f16" } as object).next(), ConfigError, "session()");
    session.dispose();
  });
});
