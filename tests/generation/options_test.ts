/** Options that can't work are refused by name, with their value and the rule, before anything runs. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { ConfigError, ShapeError, Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { text, withModel } from "./models.ts";

const wrong: [options: Record<string, unknown>, message: string][] = [
  [{ maxNewTokens: -1 }, "Cannot use maxNewTokens = -1: it must be a whole number >= 0"],
  [{ maxNewTokens: 1.5 }, "Cannot use maxNewTokens = 1.5: it must be a whole number >= 0"],
  [{ temperature: -0.1 }, "Cannot use temperature = -0.1: it must be a number >= 0"],
  [{ temperature: NaN }, "Cannot use temperature = NaN: it must be a number >= 0"],
  [{ temperature: "hot" }, 'Cannot use temperature = "hot": it must be a number >= 0'],
  [{ topK: 0 }, "Cannot use topK = 0: it must be a whole number >= 1"],
  [{ topP: 0 }, "Cannot use topP = 0: it must be > 0 and <= 1"],
  [{ topP: 1.1 }, "Cannot use topP = 1.1: it must be > 0 and <= 1"],
  [{ minP: -1 }, "Cannot use minP = -1: it must be a number from 0 to 1"],
  [{ topA: 2 }, "Cannot use topA = 2: it must be a ratio from 0 to 1, or { power >= 0, ratio }"],
  [{ topA: { power: -1, ratio: 0.1 } }, "Cannot use topA = { power: -1, ratio: 0.1 }: it must be"],
  [{ strategy: "beam" }, 'Cannot use strategy = "beam": it must be one of "temperature", "top_k"'],
  [{ filterThres: 2 }, "Cannot use filterThres = 2: it must be a number from 0 to 1"],
  [{ strategy: "top_p", filterThres: 0 }, "Cannot use filterThres = 0 with strategy = top_p"],
  [{ strategy: "top_k", topK: 3 }, "Cannot use topK = 3 and strategy = top_k: give one of them"],
  [{ repetitionPenalty: 0 }, "Cannot use repetitionPenalty = 0: it must be > 0"],
  [{ presencePenalty: "a" }, 'Cannot use presencePenalty = "a": it must be a number'],
  [{ frequencyPenalty: NaN }, "Cannot use frequencyPenalty = NaN: it must be a number"],
  [{ logitBias: 3 }, "Cannot use logitBias = 3: it must be numbers up to 1000000 by token id"],
  [{ logitBias: { 3: "a" } }, 'Cannot use logitBias = { 3: "a" }: it must be numbers'],
  [{ logitBias: { 50: 1 } }, "Cannot use logitBias with token id 50: ids must be from 0 to numTokens - 1 = 49"],
  [{ logitBias: { the: 1 } }, 'Cannot use logitBias of "the": it must be numbers by token id'],
  [{ guidanceScale: Infinity }, "Cannot use guidanceScale = Infinity: it must be a number"],
  [{ negativePrompt: [] }, "negativePrompt"],
  [{ negativePrompt: [50] }, "Cannot use negativePrompt with token id 50: ids must be from 0 to numTokens - 1 = 49"],
  [{ seed: 0.5 }, "Cannot use seed = 0.5: it must be a whole number"],
  [{ stopTokens: [3, 50] }, "Cannot use stopTokens with token id 50"],
  [{ stopTokens: 3 }, "Cannot use stopTokens = 3: it must be a list of token ids"],
  [{ eosToken: -1 }, "Cannot use eosToken = -1: it must be a whole number >= 0"],
  [{ eosToken: 50 }, "token id 50"],
  [{ gamma: 0 }, "Cannot use gamma = 0: it must be from 1 to 64"],
  [{ draft: "small" }, 'Cannot use draft = "small": it must be a text model'],
  [{ overflow: "wrap" }, 'Cannot use overflow = "wrap": it must be one of "slide", "recompute", "stop"'],
  [{ onLogits: 3 }, "Cannot use onLogits = 3: it must be a function"],
  [{ signal: 3 }, "Cannot use signal = 3: it must be an AbortSignal"],
  [{ temprature: 1 }, "there is no such parameter; did you mean temperature"],
];

/** Values of the wrong type, and how messages show them. */
const WRONG_TYPES: [value: unknown, shown: string][] = [
  ["0.8", '"0.8"'],
  ["", '""'],
  [NaN, "NaN"],
  [-Infinity, "-Infinity"],
  [-1, "-1"],
  [2n, "2n"],
  [true, "true"],
  [{}, "{}"],
  [{ a: { b: 1 } }, "{ a: {…} }"],
  [[1, "x"], '[1, "x"]'],
  [new Float32Array(2), "an object of class Float32Array"],
  [() => 1, "a function"],
  [Symbol("s"), "Symbol(s)"],
];

/** The values that each numeric option takes. */
const NUMBERS = [
  "maxNewTokens",
  "temperature",
  "topK",
  "topP",
  "minP",
  "filterThres",
  "minPPow",
  "minPRatio",
  "repetitionPenalty",
  "gamma",
  "eosToken",
];

engineTest("numbers of the wrong type are shown as they were given", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const session = model.session().append([1]);
    const ways: ((options: object) => Promise<unknown>)[] = [
      (options) => model.generate([1], options).next(),
      (options) => model.generateBatch([[1]], options),
      (options) => session.generate(options).next(),
      (options) => model.warmUp(options),
    ];
    for (const name of NUMBERS) {
      for (const [value, shown] of WRONG_TYPES) {
        for (const run of ways) {
          const error = await assertRejects(() => run({ [name]: value }), ConfigError);
          assert(error.message.startsWith(`Cannot use ${name} = ${shown}: it must be`), error.message);
        }
      }
    }
    for (
      const name of ["maxNewTokens", "topK", "topP", "minP", "repetitionPenalty", "guidanceScale", "seed", "gamma"]
    ) {
      await assertRejects(() => model.generate([1], { [name]: Infinity }).next(), ConfigError, `${name} = Infinity`);
    }
    session.dispose();
  });
}, "alone");

engineTest("options that are no numbers are refused by name", async (backend) => {
  await withModel(backend, { crossAttend: true }, async (model) => {
    const context = backend.tensor(new Float32Array(64), [1, 2, 32]);
    const names = ["strategy", "draft", "onDraft", "onLogits", "signal", "overflow", "cacheDtype", "stopTokens"];
    for (const name of [...names, "negativePrompt", "context", "contextMask"]) {
      for (const value of [{}, 7n, "beam", { netConfig: {} }, { aborted: false }, [undefined], [1.5], [[2]]]) {
        const given = { context, [name]: value };
        const error = await model.generate([1], given).next().catch((error) => error);
        assert(error instanceof ConfigError || error instanceof ShapeError, `${name}: ${error}`);
        assert(error.message.includes(name), error.message);
      }
    }
    for (const options of [null, "fast", 3, [], () => {}]) {
      await assertRejects(
        () => model.generate([1], options as object).next(),
        ConfigError,
        "give an object of options",
      );
      assertThrows(() => model.session(options as object), ConfigError, "give an object of options");
    }
    assertThrows(() => model.session({ context, temperature: 0 } as object), ConfigError, "temperature");
    context.dispose();
  });
}, "alone");

engineTest("options that can't work", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const before = backend.memory();
    for (const [options, message] of wrong) {
      const error = await assertRejects(() => model.generate(text(4), options).next(), ConfigError);
      assert(error.message.includes(message), `${error.message} instead of ${message}`);
      await assertRejects(() => model.generateBatch([text(4)], options), ConfigError);
      assertEquals(backend.memory(), before, JSON.stringify(options));
    }
    const snakeCase = { max_new_tokens: 3, temperature: 0 } as object;
    assertEquals((await Array.fromAsync(model.generate(text(4), snakeCase))).length, 3);
  });
});

engineTest("contexts and drafts that don't go with the model", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const context = backend.tensor(new Float32Array(64), [1, 2, 32]);
    const next = (options: object, of = model) => () => of.generate(text(4), options).next();
    await assertRejects(next({ context }), ConfigError, "configure the model with crossAttend");
    await withModel(backend, { crossAttend: true }, async (crossing) => {
      await assertRejects(next({}, crossing), ConfigError, "no context");
      await assertRejects(next({ context, contextMask: [[true]] }, crossing), ShapeError, "expected [1, 2]");
      const guided = { context, contextMask: backend.tensor(Int32Array.of(1, 0), [1, 2]), guidanceScale: 2 };
      await assertRejects(next(guided, crossing), ConfigError, "contextMask on the device");
      guided.contextMask.dispose();
      await assertRejects(() => crossing.generateBatch([[1], [2]], { context }), ShapeError, "expected [2, m, 32]");
      await assertRejects(next({ draft: crossing }), ConfigError, "without crossAttend");
    });
    context.dispose();
    await assertRejects(next({ draft: model, guidanceScale: 2 }), ConfigError, "guidanceScale");
    await withModel(backend, { numTokens: 51 }, async (draft) => {
      await assertRejects(next({ draft }), ConfigError, "its numTokens = 51 must be the model's, 50");
    });
    await withModel(backend, { attnLayers: "encoder" }, async (encoder) => {
      await assertRejects(next({ draft: encoder }), ConfigError, "it must be a decoder");
      await assertRejects(next({}, encoder), ConfigError, "only a decoder");
    });
    await withModel(backend, { reference: "zeta", rotaryXpos: true, rotaryEmbedValues: true }, async (zeta) => {
      await assertRejects(next({ draft: model }, zeta), ConfigError, "can cache its keys");
    });
    const other = await WasmBackend.create();
    const draft = await Transformer.create(model.config, { backend: other });
    await assertRejects(next({ draft }), ConfigError, "it must be on the model's backend");
    draft.dispose();
    other.dispose();
  });
});
