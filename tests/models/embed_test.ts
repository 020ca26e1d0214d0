/** `embed` pools hidden states as references do, and gives each text what it gets alone. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Backend, Tensor } from "../../mod.ts";
import {
  Andromeda,
  AndromedaTokenizer,
  ConfigError,
  type EmbedInput,
  type EmbedOptions,
  readSafetensors,
  ShapeError,
  Transformer,
  type TransformerConfig,
} from "../../mod.ts";
import { assertAgrees, rowsOf } from "../support/cases.ts";
import { engineTest } from "../support/engines.ts";
import { goldenFolders, goldenUrl, readGoldenJson } from "../support/golden.ts";

const SHAKESPEARE = new URL("../../examples/shakespeare/", import.meta.url);

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}

/** A model, the inputs and the outputs of a case of x-transformers, without its own pooling and its logits. */
async function openCase(name: string, backend: Backend) {
  const { average_pool_embed: _, logits_dim: __, ...config } = await readGoldenJson<Record<string, unknown>>(
    `xt2/${name}/config.json`,
  );
  const io = await readSafetensors(goldenUrl(`xt2/${name}/io.safetensors`));
  const weights = await readSafetensors(goldenUrl(`xt2/${name}/model.safetensors`));
  const model = await Transformer.create(config as Partial<TransformerConfig>, { backend });
  await model.loadStateDict(new Map([...weights].filter(([name]) => name !== "to_logits.weight")), { strict: false });
  const mask = rowsOf(io.get("mask")!).map((row) => row.map(Boolean));
  return { model, ids: rowsOf(io.get("input_ids")!), mask, embeddings: io.get("embeddings")! };
}

const names = await goldenFolders("xt2/");

if (names.includes("average-pool")) {
  engineTest("the mean over a mask is that of x-transformers' average_pool_embed", async (backend) => {
    const { model, ids, mask, embeddings } = await openCase("average-pool", backend);
    assert(mask.flat().includes(false));
    assertAgrees("mean", await read(model.embed(ids, { mask })), embeddings.values());
    model.dispose();
  });
}

for (const name of names.filter((name) => ["mask-decoder", "mask-encoder"].includes(name))) {
  engineTest(`every pooling of ${name} is that of PyTorch's hidden states`, async (backend) => {
    const { model, ids, mask, embeddings } = await openCase(name, backend);
    const [b, n, dim] = embeddings.shape as [number, number, number];
    const values = embeddings.values();
    const token = (row: number, i: number) => values.subarray((row * n + i) * dim, (row * n + i + 1) * dim);
    const vectors = {
      mean: (row: number, kept: number[]) =>
        Array.from({ length: dim }, (_, e) => kept.reduce((sum, i) => sum + token(row, i)[e]!, 0) / kept.length),
      cls: (row: number, kept: number[]) => Array.from(token(row, kept.at(0)!)),
      last: (row: number, kept: number[]) => Array.from(token(row, kept.at(-1)!)),
    };
    for (const [pooling, vectorOf] of Object.entries(vectors) as [keyof typeof vectors, typeof vectors.mean][]) {
      const expected = Array.from(
        { length: b },
        (_, row) => vectorOf(row, mask[row]!.flatMap((isKept, i) => isKept ? [i] : [])),
      );
      const found = await read(model.embed(ids, { mask, pooling }));
      assertAgrees(pooling, found, Float32Array.from(expected.flat()));
      const units = expected.flatMap((vector) => vector.map((x) => x / Math.hypot(...vector)));
      const normalized = await read(model.embed(ids, { mask, pooling, normalize: true }));
      assertAgrees(`${pooling}, normalized`, normalized, Float32Array.from(units));
    }
    model.dispose();
  });
}

const small = { numTokens: 50, maxSeqLen: 40, dim: 32, depth: 2, heads: 2, dimHead: 32 };

/** Architectures whose values padding behind a text leaves alone. */
const padded: Readonly<Record<string, Partial<TransformerConfig>>> = {
  "an encoder with absolute positions": { attnLayers: "encoder" },
  "an encoder with ALiBi and memory tokens": { attnLayers: "encoder", alibiPosBias: true, numMemoryTokens: 2 },
  "a decoder with rotary positions": { rotaryPosEmb: true },
  "a decoder with token shift": { shiftTokens: 1, rotaryXpos: true },
};

for (const [name, config] of Object.entries(padded)) {
  engineTest(`texts of unequal lengths get the vectors of each alone, in ${name}`, async (backend) => {
    const model = await Transformer.create({ ...small, ...config }, { backend, seed: 5 });
    const rows = [[3, 1, 4, 1, 5, 9, 2], [6], [5, 3, 5]];
    // The same rows as a tokenizer's batch, padded in front with what is no token.
    const ids = rows.flatMap((row) => [...Array<number>(7 - row.length).fill(-1), ...row]);
    const attentionMask = Int32Array.from(ids, (id) => Number(id >= 0));
    const batch = { inputIds: Int32Array.from(ids), attentionMask, shape: [3, 7] } as const;
    for (const pooling of ["mean", "cls", "last"] as const) {
      const expected: number[] = [];
      for (const row of rows) expected.push(...await read(model.embed(row, { pooling })));
      for (const given of [rows, batch]) {
        assertAgrees(pooling, await read(model.embed(given, { pooling })), Float32Array.from(expected), 1e-5);
      }
    }
    model.dispose();
  });
}

const refused: Readonly<Record<string, Partial<TransformerConfig>>> = {
  "shifts features of the padding": { attnLayers: "encoder", shiftTokens: 1 },
  "change with the length": { reference: "zeta", rotaryXpos: true, rotaryEmbedValues: true },
};

engineTest("texts that padding would change are refused together, and embedded one by one", async (backend) => {
  for (const [reason, config] of Object.entries(refused)) {
    const model = await Transformer.create({ ...small, ...config }, { backend, seed: 5 });
    assertThrows(() => model.embed([[1, 2, 3], [4]]), ShapeError, reason);
    for (const row of [[1, 2, 3], [4]]) assertEquals((await read(model.embed(row))).length, small.dim);
    assertEquals((await read(model.embed([[1, 2], [3, 4]]))).length, 2 * small.dim);
    model.dispose();
  }
});

engineTest("texts, their tokens and tokens on the device have one vector", async (backend) => {
  const tokenizer = await AndromedaTokenizer.load(SHAKESPEARE);
  const model = await Andromeda.load(SHAKESPEARE, { backend });
  const text = "Good morrow, cousin.";
  const expected = await read(model.embed(tokenizer.encode(text)));
  const ids = backend.tensor(Int32Array.from(tokenizer.encode(text)), [1, tokenizer.encode(text).length]);
  for (const given of [text, [text], tokenizer.tokenizeTexts(text), ids]) {
    assertEquals(await read(model.embed(given, { tokenizer })), expected);
  }
  ids.dispose();
  model.dispose();
});

engineTest("what can't be embedded is refused by name", async (backend) => {
  const model = await Transformer.create({ ...small, maxSeqLen: 4 }, { backend });
  const tokenizer = await AndromedaTokenizer.load(SHAKESPEARE);
  const call = (given: unknown, options?: unknown) => () => model.embed(given as EmbedInput, options as EmbedOptions);
  assertThrows(call("a"), ConfigError, 'Cannot embed "a" without a tokenizer');
  assertThrows(call("My gracious", { tokenizer }), ConfigError, "give the tokenizer that belongs to the model");
  assertThrows(call("", { tokenizer }), ShapeError, "Cannot embed row 0: it has no token that counts");
  assertThrows(call([[1, 2], []]), ShapeError, "Cannot embed row 1: it has no token that counts");
  assertThrows(call([[1, 2]], { mask: [[false, false]] }), ShapeError, "Cannot embed row 0");
  assertThrows(call([[1, 2]], { mask: [[true]] }), ShapeError, "Cannot use a mask");
  assertThrows(call([1, 2, 3, 4, 5]), ShapeError, "maxSeqLen = 4");
  assertThrows(call([50]), ConfigError, "numTokens - 1 = 49");
  assertThrows(call([1], { pooling: "max" }), ConfigError, '"mean", "cls", "last"');
  assertThrows(call([1], { tokenizer: model }), ConfigError, "it must be a tokenizer");
  model.dispose();
});
