import { assert, assertEquals, assertRejects } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import { Andromeda, ConfigError, GPT2, GPT4, Llama, PalmE, Transformer, ViTransformerWrapper } from "../../mod.ts";
import { readTransformerConfig } from "../../models/config/transformer_config.ts";
import { alibiSlopes } from "../../models/layers/alibi.ts";

const tiny = { numTokens: 17, maxSeqLen: 16, dim: 32, depth: 1, heads: 4, dimHead: 32, alibiNumHeads: 2 };

/** Every configuration here is refused before the backend holds anything. */
async function assertRefused(create: (backend: WasmBackend) => Promise<unknown>, ...words: string[]) {
  const backend = await WasmBackend.create();
  try {
    const error = await assertRejects(() => create(backend), ConfigError);
    for (const word of words) assert(error.message.includes(word), `"${error.message}" does not say ${word}`);
    assertEquals(backend.memory().tensors, 0);
  } finally {
    backend.dispose();
  }
}

const refusals: [name: string, config: Record<string, unknown>, ...words: string[]][] = [
  ["heads that key heads don't divide", { heads: 5, attnKvHeads: 2 }, "heads = 5", "attnKvHeads = 2"],
  ["more ALiBi heads than heads", { alibiNumHeads: 5 }, "alibiNumHeads = 5", "heads = 4"],
  [
    "a head too narrow for 1.40's rotary positions",
    { dimHead: 16, xTransformersVersion: "1.40.11" },
    ...["dimHead = 16", "dimHead >= 32", "rotaryXpos"],
  ],
  ["a head of nothing to rotate", { dimHead: 1 }, "dimHead = 1", "dimHead >= 2"],
  ["more rotated features than a head has", { rotaryEmbDim: 48 }, "dimHead = 32", "48 features"],
  [
    "one head that no projection brings to the model's width",
    { heads: 1, attnKvHeads: 1, alibiNumHeads: 1, dimHead: 8, xTransformersVersion: "2.31.10" },
    ...["2.31.10", "one head", "before 2.17.0"],
  ],
  ["a depth that no model has", { depth: 1e8 }, "depth = 100000000", "<= 10000"],
  ["heads that no model has", { heads: 2e9 }, "heads = 2000000000", "<= 1048576"],
  ["a head wider than any model", { dimHead: 2e9, rotaryXpos: true }, "dimHead = 2000000000", "<= 1048576"],
  ["no heads", { heads: 0 }, "heads = 0", ">= 1"],
  ["a fraction", { depth: 1.5 }, "depth = 1.5", "whole number"],
  ["a word in place of a number", { dim: "32" }, 'dim = "32"'],
  ["both forms of key heads", { attnKvHeads: 2, attnOneKvHead: true }, "attnKvHeads = 2", "attnOneKvHead"],
  ["a tied embedding of another width", { tieEmbedding: true, embDim: 16 }, "tieEmbedding", "embDim = 16"],
  ["two norms", { useRmsnorm: true, useScalenorm: true }, "useRmsnorm"],
  ["deepnorm of x-transformers", { deepnorm: true, reference: "x-transformers" }, "deepnorm", "zeta"],
  ["a shift as wide as the model", { shiftTokens: 32 }, "shiftTokens = 32", "dim = 32"],
  ["a name that does not exist", { attnKvHead: 2 }, "attnKvHead", "attnKvHeads"],
  ["an unknown reference", { reference: "torch" }, 'reference = "torch"', '"zeta", "x-transformers"'],
  ["a dropout above 1", { attnDropout: 1.5 }, "attnDropout = 1.5", "from 0 to 1"],
];

for (const [name, config, ...words] of refusals) {
  Deno.test(`a configuration with ${name} is refused by name, value and rule`, async () => {
    await assertRefused((backend) => Andromeda.create({ ...tiny, ...config }, { backend }), ...words);
  });
}

Deno.test("sizes in Hugging Face's form that no model has are refused at once", async () => {
  for (const name of ["numHiddenLayers", "hiddenSize", "numAttentionHeads", "headDim"]) {
    await assertRefused((backend) => Llama.create({ [name]: 2e9 }, { backend }), `${name} = 2000000000`);
  }
  for (const name of ["nLayer", "nEmbd", "nHead"]) {
    await assertRefused((backend) => GPT2.create({ [name]: 2e9 }, { backend }), `${name} = 2000000000`);
  }
});

Deno.test("an image that patches don't divide is refused", async () => {
  await assertRefused((backend) => PalmE.create({ imageSize: 100, patchSize: 32 }, { backend }), "imageSize = 100");
  const vit = { imageSize: 30, patchSize: 8, dim: 32, depth: 1, heads: 1 };
  await assertRefused((backend) => ViTransformerWrapper.create(vit, { backend }), "imageSize = 30", "patchSize = 8");
});

Deno.test("a parameter without a default must be given", async () => {
  await assertRefused((backend) => Transformer.create({ numTokens: 3, maxSeqLen: 4, dim: 8 }, { backend }), "depth");
});

Deno.test("names are read in camelCase and in the documented snake_case", () => {
  const documented = { num_tokens: 9, max_seq_len: 8, dim: 8, depth: 1, attn_dim_head: 4, attn_one_kv_head: true };
  const config = readTransformerConfig("Transformer", {
    ...documented,
    model_type: "transformer",
    torch_dtype: "float32",
  });
  assertEquals([config.numTokens, config.dimHead, config.attnOneKvHead, config.useAbsPosEmb], [9, 4, true, true]);
});

Deno.test("documented defaults", async () => {
  const backend = await WasmBackend.create();
  const small = { numTokens: 8, dim: 8, depth: 1, maxSeqLen: 8 };
  const andromeda = await Andromeda.create(small, { backend });
  const { heads, dimHead, alibiNumHeads, attnKvHeads, rotaryXpos, attnQkNorm, attnQkNormDimScale } = andromeda.config;
  assertEquals([heads, dimHead, alibiNumHeads, attnKvHeads, rotaryXpos, attnQkNorm, attnQkNormDimScale], [
    ...[24, 128, 12, 2],
    ...[true, true, true],
  ]);
  assertEquals([andromeda.config.reference, andromeda.config.rotaryEmbedValues], ["x-transformers", false]);
  const gpt4 = await GPT4.create(small, { backend });
  assertEquals([gpt4.config.attnOneKvHead, gpt4.config.attnKvHeads], [true, undefined]);
  const old = await Andromeda.create({ ...small, attnOneKvHead: true, deepnorm: true, shiftTokens: 1 }, { backend });
  assertEquals([old.config.reference, old.config.attnKvHeads, old.config.shiftTokens], ["zeta", undefined, 1]);
  for (const model of [andromeda, gpt4, old]) model.dispose();
  assertEquals(backend.memory().bytesInUse, 0);
  backend.dispose();
});

Deno.test("ALiBi slopes of powers of two and of other numbers of heads", () => {
  assertEquals(alibiSlopes(4), [1 / 4, 1 / 16, 1 / 64, 1 / 256]);
  assertEquals(alibiSlopes(3), [1 / 16, 1 / 256, 1 / 4]);
  assertEquals(alibiSlopes(12).slice(8).map((slope) => slope.toFixed(4)), ["0.7071", "0.3536", "0.1768", "0.0884"]);
});
