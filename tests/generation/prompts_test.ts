/** Values that are no list of token ids of the vocabulary are refused by name, wherever tokens are taken. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  AutoregressiveWrapper,
  type Backend,
  ConfigError,
  PalmE,
  ShapeError,
  type Transformer,
  ViTransformerWrapper,
} from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { text, withModel } from "./models.ts";

const holes: unknown[] = [1, 2, 3];
delete holes[1];

/** Prompts that are none, and what the message must say. */
const wrong: [prompt: unknown, message: string][] = [
  [undefined, "Cannot use undefined as tokens"],
  [null, "Cannot use null as tokens"],
  [
    "hello",
    'Cannot use "hello" as tokens: a text must be encoded first, by a tokenizer\'s encode; ' +
    "generateText(model, tokenizer, text) and embed(text, { tokenizer }) do it",
  ],
  ["", 'Cannot use "" as tokens'],
  [5, "Cannot use 5 as tokens"],
  [5n, "Cannot use 5n as tokens"],
  [{}, "Cannot use {} as tokens"],
  [{ input_ids: [1], attention_mask: [1] }, "Cannot use { input_ids: […], attention_mask: […] } as tokens"],
  [() => [1], "Cannot use a function as tokens"],
  [new Set([1]), "Cannot use an object of class Set as tokens"],
  [[1, undefined], "Cannot use undefined as a token id at row 0, position 1: ids are whole numbers from 0 to"],
  [holes, "Cannot use undefined as a token id at row 0, position 1"],
  [[1, null], "Cannot use null as a token id"],
  [[1, NaN], "Cannot use NaN as a token id"],
  [[1, Infinity], "Cannot use Infinity as a token id"],
  [[1, 1.5], "Cannot use 1.5 as a token id"],
  [[1, "2"], 'Cannot use "2" as a token id'],
  [["to", "be"], 'Cannot use "to" as a token id'],
  [[1, true], "Cannot use true as a token id"],
  [[1, 2n], "Cannot use 2n as a token id"],
  [[1, {}], "Cannot use {} as a token id"],
  [[1, [2]], "Cannot use [2] as a token id"],
  [[1, -1], "Cannot use token id -1 at row 0, position 1: ids must be from 0 to numTokens - 1 = 49"],
  [[1, 50], "Cannot use token id 50"],
  [[2 ** 32 + 1, 2], "Cannot use token id 4294967297"],
  [[-(2 ** 32) + 1, 2], "Cannot use token id -4294967295"],
  [[2 ** 60, 2], "Cannot use token id 1152921504606847000"],
  [Int32Array.of(1, 77), "Cannot use token id 77"],
  [Float32Array.of(1, 2), "Cannot use an object of class Float32Array as tokens"],
  [Uint8Array.of(1, 2), "Cannot use an object of class Uint8Array as tokens"],
  [BigInt64Array.of(1n, 2n), "Cannot use an object of class BigInt64Array as tokens"],
  [new ArrayBuffer(8), "Cannot use an object of class ArrayBuffer as tokens"],
  [[[1, undefined]], "Cannot use undefined as a token id at row 0, position 1"],
  [[[1, 2], [3, 50]], "Cannot use token id 50 at row 1, position 1"],
  [[[1, 2], 3], "Cannot use 3 as row 1 of tokens: every row must be a list of token ids"],
  [[[1, 2], "x"], 'Cannot use "x" as row 1 of tokens'],
  [[[1, 2], undefined], "Cannot use undefined as row 1 of tokens"],
  [[null, [1, 2]], "Cannot use null as a token id"],
  [[Uint8Array.of(1)], "Cannot use an object of class Uint8Array as row 0 of tokens"],
  [[[[1]]], "Cannot use [1] as a token id"],
  [{ inputIds: [1], attentionMask: [1], shape: [1, 1] }, "Cannot use a batch whose inputIds is [1]"],
  [{ inputIds: Int32Array.of(1) }, "Cannot use a batch whose attentionMask is undefined"],
  [
    { inputIds: Int32Array.of(1), attentionMask: Int32Array.of(1), shape: [2, 1] },
    "Cannot use a batch of shape [2, 1]",
  ],
  [{ inputIds: Int32Array.of(1), attentionMask: Int32Array.of(1) }, "Cannot use a batch of shape undefined"],
  [{ inputIds: Int32Array.of(9e6), attentionMask: Int32Array.of(1), shape: [1, 1] }, "Cannot use token id 9000000"],
];

/** Everything that takes tokens. */
function waysOf(model: Transformer): Record<string, (tokens: never) => unknown> {
  const wrapper = new AutoregressiveWrapper(model);
  return {
    generate: (tokens) => model.generate(tokens, { maxNewTokens: 1 }).next(),
    generateBatch: (tokens) => model.generateBatch(tokens, { maxNewTokens: 1 }),
    forward: (tokens) => model.forward(tokens),
    loss: (tokens) => model.loss(tokens),
    "session.append": (tokens) => {
      const session = model.session();
      try {
        session.append(tokens);
      } finally {
        session.dispose();
      }
    },
    "wrapper.generate": (tokens) => wrapper.generate(tokens, 1),
    "wrapper.generateNSolutions": (tokens) => wrapper.generateNSolutions(tokens, 2, 1),
    "wrapper.forward": (tokens) => wrapper.forward(tokens),
    "a draft": (tokens) => model.generate(tokens, { maxNewTokens: 1, draft: model }).next(),
  };
}

/** Asserts that a call is refused by a named error. */
async function assertRefused(name: string, run: () => unknown, message: string): Promise<void> {
  const error: unknown = await Promise.resolve().then(run).then(() => "accepted", (error) => error);
  if (!(error instanceof ConfigError || error instanceof ShapeError)) {
    throw new Error(`${name} with ${message}: ${error}`);
  }
  assert(error.message.includes(message), `${name}: ${error.message} instead of ${message}`);
}

engineTest("prompts that are no token ids", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const before = backend.memory();
    for (const [name, run] of Object.entries(waysOf(model))) {
      for (const [prompt, message] of wrong) await assertRefused(name, () => run(prompt as never), message);
    }
    const after = backend.memory();
    assertEquals([after.bytesInUse, after.tensors], [before.bytesInUse, before.tensors]);
    assertEquals((await model.generateBatch([text(3)], { maxNewTokens: 2 }))[0]!.length, 2);
  });
}, "alone");

engineTest("tensors that are no token ids", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const floats = backend.tensor(Float32Array.of(1, 2), [1, 2]);
    const flat = backend.tensor(Int32Array.of(1, 2), [2]);
    const { session: _, "session.append": append, ...ways } = waysOf(model) as Record<
      string,
      (tokens: never) => unknown
    >;
    for (const [name, run] of Object.entries(ways)) {
      await assertRefused(name, () => run(floats as never), "dtype f32");
      await assertRefused(name, () => run(flat as never), "shape [2]");
    }
    const ids = backend.tensor(Int32Array.of(1, 50), [1, 2]);
    await assertRefused("generate", () => model.generate(ids).next(), "token id 50");
    await assertRefused("append", () => append!(ids as never), "on the device");
    for (const tensor of [floats, flat, ids]) tensor.dispose();
  });
});

engineTest("masks that don't go with the tokens", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const tokens = [1, 2, 3];
    const wrongMasks: [mask: unknown, message: string][] = [
      ["yes", '"yes"'],
      [true, "mask = true"],
      [[true, false, true], "rows of true and false"],
      [[[true, true]], "expected [1, 3]"],
      [[[true, true, true], [true, true, true]], "expected [1, 3]"],
      [[[true, "false", true]], 'mask with "false" at row 0, position 1'],
      [[[true, 2, true]], "mask with 2"],
      [[[true, , true]], "mask with undefined"],
      [[Uint8Array.of(1, 1, 1)], "rows of true and false"],
      [[null], "rows of true and false"],
      [{ shape: [1, 3] }, "it must be rows"],
    ];
    for (const [mask, message] of wrongMasks) {
      await assertRefused("forward", () => model.forward(tokens, { mask } as object), message);
      await assertRefused("loss", () => model.loss(tokens, { mask } as object), message);
    }
    for (const shape of [[1, 32], [3], [3, 1]]) {
      const mask = backend.tensor(new Int32Array(shape.reduce((size, n) => size * n)).fill(1), shape);
      await assertRefused("forward", () => model.forward(tokens, { mask }), "expected int32 [1,3]");
      mask.dispose();
    }
    const mask = backend.tensor(new Float32Array(3).fill(1), [1, 3]);
    await assertRefused("forward", () => model.forward(tokens, { mask }), "mask of f32");
    mask.dispose();
    await assertRefused(
      "forward",
      () => model.forward(tokens, { contextMask: [[true]] }),
      "contextMask without a context",
    );
    await assertRefused(
      "generate",
      () => model.generate(tokens, { contextMask: [[true]] }).next(),
      "without a context",
    );
    const kept = await rowsOf(model, { mask: [[true, true, false]] });
    assertEquals(await rowsOf(model, { mask: [[1, 1, 0]] } as object), kept);
  });
});

async function rowsOf(model: Transformer, options: object): Promise<Float32Array | Int32Array> {
  const logits = model.forward([1, 2, 3], options);
  try {
    return await logits.data();
  } finally {
    logits.dispose();
  }
}

engineTest("options of forward and loss that can't work", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const wrongOptions: [options: unknown, message: string][] = [
      [{ positions: "first" }, 'Cannot use positions = "first": it must be "all", "last" or [from, to]'],
      [{ positions: 3 }, "positions = 3"],
      [{ positions: {} }, "positions = {}"],
      [{ positions: [0] }, "positions = [0]"],
      [{ positions: ["0", 2] }, 'positions "0" to 2'],
      [{ positions: [0, 9] }, "positions 0 to 9"],
      [{ postions: "last" }, "did you mean positions"],
      [{ returnEmbeddings: "no" }, 'returnEmbeddings = "no": it must be true or false'],
      [{ context: {} }, "context = {}: it must be a tensor"],
      [{ sumEmbeds: [1] }, "sumEmbeds = [1]"],
      [{ prependEmbeds: new Float32Array(3) }, "prependEmbeds"],
      [{ pos: [0, 1, 2] }, "pos = [0, 1, 2]"],
      [null, "Cannot configure forward with null"],
      ["last", 'Cannot configure forward with "last"'],
    ];
    for (const [options, message] of wrongOptions) {
      await assertRefused("forward", () => model.forward([1, 2, 3], options as object), message);
    }
    await assertRefused("loss", () => model.loss([1, 2], { ignoreIndex: "-100" } as object), 'ignoreIndex = "-100"');
    await assertRefused("loss", () => model.loss([1, 2], { keyMask: [[true, "x"]] } as object), 'keyMask with "x"');
    await assertRefused("loss", () => model.loss([1, 2], { keyMask: [[true]] }), "expected [1, 2]");
    const embeds = backend.tensor(new Float32Array(64), [1, 2, 32]);
    await assertRefused("forward", () => model.forward([1, 2, 3], { sumEmbeds: embeds }), "expected [1, 3, 32]");
    await assertRefused("forward", () => model.forward([[1], [2]], { prependEmbeds: embeds }), "expected [2, p, 32]");
    await assertRefused("forward", () => model.forward([1, 2], { pos: embeds }), "int32 [1 or 1, 2]");
    embeds.dispose();
    const ids = backend.tensor(Int32Array.of(1, 2, 3), [1, 3]);
    await assertRefused("loss", () => model.loss(ids, { mask: [[true, true, true]] }), "on the device with a mask");
    ids.dispose();
    for (const [batch, capacity] of [[0, 4], [1, -1], ["2", 4], [1, NaN], [2 ** 40, 2 ** 20]] as [number, number][]) {
      assertThrows(() => model.createCache(batch, capacity));
    }
    await assertRefused("createCache", () => model.createCache("2" as never), 'batch = "2": it must be a whole number');
  });
}, "alone");

engineTest("a wrapper refuses what it can't use", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const wrapper = new AutoregressiveWrapper(model);
    const solve = (n: unknown, options: unknown = {}) => () =>
      wrapper.generateNSolutions([1], n as number, 1, options as object);
    for (const n of [0, -1, 1.5, NaN, "2", 2 ** 32, Infinity, undefined]) {
      await assertRefused(`n = ${n}`, solve(n), "n = ");
    }
    for (const seqLen of [-1, 1.5, "3", NaN, null, 2n]) {
      await assertRefused(`seqLen = ${seqLen}`, () => wrapper.generate([1], seqLen as number), "seqLen = ");
    }
    await assertRefused("strategy", solve(1, { strategy: "beam" }), 'strategy = "beam"');
    await assertRefused("filterThres", solve(1, { filter_thres: "0.5" }), 'filterThres = "0.5"');
    await assertRefused("filterLogitsFn", solve(1, { filterLogitsFn: "topK" }), 'filterLogitsFn = "topK"');
    await assertRefused("options", solve(1, null), "give an object of options");
    await assertRefused("returnLoss", () => wrapper.forward([1, 2], { returnLoss: 1 } as object), "returnLoss = 1");
    for (
      const options of [{ maskProb: 1 }, { maskProb: "0.1" }, { padValue: "x" }, { seed: 0.5 }, { ignoreIndx: 1 }, null]
    ) {
      assertThrows(() => new AutoregressiveWrapper(model, options as object), ConfigError);
    }
    assertThrows(() => new AutoregressiveWrapper({} as Transformer), ConfigError, "give a language model");
    assertThrows(() => wrapper.evaluateAndSelectBestSolution([[1], [2]], () => NaN), ConfigError, "reward = NaN");
    assertThrows(() => wrapper.evaluateAndSelectBestSolution([[1]], 3 as never), ConfigError, "must be a function");
    const many = Array.from({ length: 200_000 }, (_, i) => [i]);
    assertEquals(wrapper.evaluateAndSelectBestSolution(many, ([i = 0]) => -Math.abs(i - 150_000)), 150_000);
    assertEquals((await wrapper.generate([1, 2], 2, { filter_thres: 0.5, seed: 1 } as object)).length, 2);
  });
}, "alone");

engineTest("lists as long as memory allows", async (backend) => {
  await withModel(backend, {}, async (model) => {
    const session = model.session().append(Array<number>(200_000).fill(5));
    assertEquals(session.length, 200_000);
    assertEquals((await Array.fromAsync(session.generate({ maxNewTokens: 2, temperature: 0 }))).length, 2);
    session.rewind(3);
    assertThrows(() => session.append([[1, 2], [3]]), ShapeError, "Cannot append 2 texts at once");
    session.dispose();
    const rows = await model.generateBatch(Array<number[]>(200_000).fill([5]), { maxNewTokens: 0 });
    assertEquals(rows.length, 200_000);
  });
}, "alone");

engineTest("images and texts of PalmE that are none", async (backend) => {
  const model = await PalmE.create({
    imageSize: 8,
    patchSize: 4,
    encoderDim: 16,
    encoderDepth: 1,
    encoderHeads: 1,
    numTokens: 50,
    maxSeqLen: 16,
    decoderDim: 32,
    decoderDepth: 1,
    decoderHeads: 1,
    alibiNumHeads: 1,
  }, { backend });
  try {
    await checkPalmE(backend, model);
  } finally {
    model.dispose();
  }
}, "alone");

async function checkPalmE(backend: Backend, model: PalmE): Promise<void> {
  const image = backend.tensor(new Float32Array(3 * 64).fill(0.5), [1, 3, 8, 8]);
  for (const [prompt, message] of wrong) {
    await assertRefused("generate", () => model.generate(prompt as never, { image, maxNewTokens: 1 }).next(), message);
    await assertRefused(
      "forward",
      () => model.forward(image, prompt as never),
      message.startsWith("Cannot use") ? "Cannot" : message,
    );
  }
  for (
    const wrongImage of [undefined, null, "x.png", {}, 3, { data: [1], shape: [1] }, {
      data: new Float32Array(2),
      shape: [1],
    }]
  ) {
    await assertRefused("forward", () => model.forward(wrongImage as never, [1]), "as images");
    if (wrongImage === undefined || wrongImage === null) continue;
    await assertRefused("generate", () => model.generate([1], { image: wrongImage as never }).next(), "as images");
  }
  for (const options of [null, "x", []]) {
    await assertRefused("generate", () => model.generate([1], options as object).next(), "give an object of options");
    await assertRefused("session", () => model.session(options as object), "give an object of options");
    await assertRejects(() => model.generateBatch([[1]], options as object), ConfigError, "give an object of options");
  }
  image.dispose();
}

engineTest("a picture's file in place of an image is refused with what makes one of it", async (backend) => {
  const sizes = { imageSize: 8, patchSize: 4, dim: 32, depth: 1, heads: 1 };
  const model = await ViTransformerWrapper.create(sizes, { backend });
  const file = Uint8Array.of(0xff, 0xd8, 0xff);
  const error = assertThrows(() => model.forward(file as never), ShapeError);
  assertEquals(
    error.message,
    "Cannot encode an object of class Uint8Array as images: give a tensor, or { data, shape } of as many float " +
      "values; imageTensor(image, { resize, crop }) makes them of a PNG or JPEG file, and of pixels",
  );
  model.dispose();
});
