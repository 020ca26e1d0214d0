/** Models whose weights are f16, q8_0 or q4_0: made, loaded, converted, saved, and the memory that they take. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { stored } from "../../engine/reference/stored.ts";
import { Andromeda, ConfigError, loadModel, PalmE, quantize, readSafetensors } from "../../mod.ts";
import type { Model } from "../../models/model.ts";
import { forEachEngine, isLeftOut, LEFT_OUT } from "../support/engines.ts";

const formats = ["q8_0", "q4_0"] as const;
const small = {
  numTokens: 320,
  maxSeqLen: 64,
  dim: 256,
  depth: 2,
  heads: 4,
  dimHead: 64,
  alibiNumHeads: 2,
  useAbsPosEmb: true,
  rotaryXpos: false,
};
const tokens = [[1, 2, 3, 5, 8, 13, 21, 34, 55, 89]];

/** A test with an engine of its own, which must end as empty as it began. */
function test(name: string, fn: (backend: Backend) => Promise<void>): void {
  forEachEngine((engine, create, isAvailable) => {
    const leftOut = isLeftOut(engine, "slow");
    Deno.test({
      name: `${engine}: ${name}${leftOut ? LEFT_OUT : isAvailable ? "" : " (needs a WebGPU adapter)"}`,
      ignore: leftOut || !isAvailable,
      fn: async () => {
        const backend = await create();
        await fn(backend);
        const { bytesInUse, tensors } = backend.memory();
        assertEquals({ bytesInUse, tensors }, { bytesInUse: 0, tensors: 0 });
        backend.dispose();
      },
    });
  });
}

/** The weights as they are saved. */
async function saved(model: Model): Promise<Blob> {
  const chunks: BlobPart[] = [];
  await model.save(new WritableStream({ write: (chunk: Uint8Array<ArrayBuffer>) => void chunks.push(chunk) }));
  return new Blob(chunks);
}

/** The source that a model is loaded from. */
function files(config: object, weights: Blob) {
  return { config: { ...config, model_type: "andromeda" }, weights };
}

async function valuesOf(model: Model): Promise<Map<string, Float32Array | Int32Array>> {
  const values = new Map<string, Float32Array | Int32Array>();
  for (const [name, tensor] of model.stateDict()) values.set(name, await tensor.data());
  return values;
}

async function logitsOf(model: Andromeda): Promise<Float32Array> {
  return await read(model.forward(tokens));
}

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await tensor.data());
  tensor.dispose();
  return values;
}

test("a saved model is held as its file holds it, unless another format is asked for", async (backend) => {
  for (const dtype of ["f16", ...formats] as const) {
    const model = await Andromeda.create(small, { backend, dtype });
    const source = files(model.config, await saved(model));
    const [bytes, logits] = [backend.memory().bytesInUse, await logitsOf(model)];
    model.dispose();
    const loaded = await Andromeda.load(source, { backend });
    assertEquals(backend.memory().bytesInUse, bytes);
    assertEquals(await logitsOf(loaded), logits);
    loaded.dispose();
    const wide = await Andromeda.load(source, { backend, dtype: "f32" });
    assertEquals(new Set([...wide.stateDict().values()].map((tensor) => tensor.dtype)), new Set(["f32"]));
    wide.dispose();
  }
});

test("matrices and the token embedding take the format, everything else stays in f32", async (backend) => {
  const model = await Andromeda.create(small, { backend, dtype: "q4_0" });
  const names = (dtype: string) => [...model.stateDict()].filter(([, t]) => t.dtype === dtype).map(([name]) => name);
  assertEquals(
    [...new Set(names("q4_0").map((name) => name.replace(/\d+/g, "0")))].sort(),
    [
      "attn_layers.layers.0.0.to_k.weight",
      "attn_layers.layers.0.0.to_out.weight",
      "attn_layers.layers.0.0.to_q.weight",
      "attn_layers.layers.0.0.to_v.weight",
      "attn_layers.layers.0.0.ff.0.0.weight",
      "attn_layers.layers.0.0.ff.0.weight",
      "to_logits.weight",
      "token_emb.emb.weight",
    ].sort(),
  );
  assert(names("f32").includes("pos_emb.emb.weight"));
  assertEquals(names("q4_0").length + names("f32").length, model.stateDict().size);
  model.dispose();
});

for (const format of formats) {
  test(`${format}: made, loaded or converted, a model has the same values`, async (backend) => {
    const plain = await Andromeda.create(small, { backend, seed: 3 });
    const expected = new Map<string, Float32Array | Int32Array>();
    for (const [name, tensor] of plain.stateDict()) {
      const data = await tensor.data();
      const isRounded = plain.parameters.byName.get(name)?.kind === "matrix";
      expected.set(name, isRounded ? stored({ shape: tensor.shape, data }, format).data : data);
    }
    const made = await Andromeda.create(small, { backend, seed: 3, dtype: format });
    assertEquals(await valuesOf(made), expected);
    const loaded = await Andromeda.load(files(small, await saved(plain)), { backend, dtype: format });
    assertEquals(await valuesOf(loaded), expected);
    assertEquals(await logitsOf(loaded), await logitsOf(made));
    loaded.dispose();
    assertEquals(await quantize(plain, format), plain);
    assertEquals(await valuesOf(plain), expected);
    await quantize(plain, "f32");
    assertEquals(await valuesOf(plain), expected);
    plain.dispose();
    made.dispose();
  });

  test(`${format}: a saved model is small, and comes back to the bit in its format and in f32`, async (backend) => {
    const model = await Andromeda.create(small, { backend, seed: 4, dtype: format });
    const weights = await saved(model);
    const stored = await readSafetensors(weights);
    const matrices = [...model.parameters.byName.values()].filter(({ kind }) => kind === "matrix");
    for (const { name } of matrices) assertEquals(stored.get(name)?.dtype, format.toUpperCase());
    assert(weights.size < model.parameterCount * (format === "q8_0" ? 1.2 : 0.75), `${weights.size} bytes`);

    const same = await Andromeda.load(files(small, weights), { backend, dtype: format });
    assertEquals(await valuesOf(same), await valuesOf(model));
    const wide = await loadModel(files(small, weights), { backend, dtype: "f32" });
    assertEquals(await valuesOf(wide), await valuesOf(model));
    for (const { name } of matrices) assertEquals(wide.stateDict().get(name)?.dtype, "f32");
    assertEquals(await (await saved(same)).bytes(), await weights.bytes());
    for (const each of [model, same, wide]) each.dispose();
  });

  test(`${format}: no more memory than the model and one matrix, at any time`, async (backend) => {
    const made = await Andromeda.create(small, { backend, dtype: format });
    const bytes = backend.memory().bytesInUse;
    assertEquals(backend.memory().peakBytes, bytes);
    assert(bytes < made.parameterCount * (format === "q8_0" ? 1.2 : 0.75));
    const weights = await saved(made);
    made.dispose();
    const loaded = await Andromeda.load(files(small, weights), { backend, dtype: format });
    assertEquals(backend.memory(), { bytesInUse: bytes, peakBytes: bytes, tensors: loaded.stateDict().size });
    loaded.dispose();
    const plain = await Andromeda.create(small, { backend });
    const before = backend.memory().bytesInUse;
    await quantize(plain, format);
    assertEquals(backend.memory().bytesInUse, bytes);
    assert(backend.memory().peakBytes <= before + 1024 * 256);
    plain.dispose();
  });
}

test("rows that end inside a block are padded: they work, and are saved in f32", async (backend) => {
  const odd = { ...small, dim: 40, dimHead: 20 };
  for (const format of formats) {
    const model = await Andromeda.create(odd, { backend, seed: 1, dtype: format });
    const loaded = await Andromeda.load(files(odd, await saved(model)), { backend, dtype: format });
    assertEquals(await valuesOf(loaded), await valuesOf(model));
    assertEquals(await logitsOf(loaded), await logitsOf(model));
    model.dispose();
    loaded.dispose();
  }
});

test("a quantized model computes what the same values compute in f32", async (backend) => {
  for (const format of formats) {
    const model = await Andromeda.create(small, { backend, seed: 6, dtype: format });
    const quantized = await logitsOf(model);
    await quantize(model, "f32");
    const exact = await logitsOf(model);
    const largest = exact.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    for (const [i, value] of quantized.entries()) assert(Math.abs(value - (exact[i] ?? NaN)) < 1e-3 * largest);
    model.dispose();
  }
});

test("generating in one step or many, the tokens are the same", async (backend) => {
  const model = await Andromeda.create(small, { backend, seed: 7, dtype: "q8_0" });
  const [prompt = []] = tokens;
  const generated: number[] = [];
  for await (const token of model.generate(prompt, { maxNewTokens: 8, temperature: 0 })) generated.push(token);
  const recomputed: number[] = [];
  for (let i = 0; i < 8; i++) {
    const logits = await read(model.forward([...prompt, ...recomputed], { positions: "last" }));
    recomputed.push(logits.indexOf(logits.reduce((max, value) => Math.max(max, value), -Infinity)));
  }
  assertEquals(generated, recomputed);
  model.dispose();
});

test("PalmE is quantized, text and image", async (backend) => {
  const config = { imageSize: 64, encoderDim: 64, encoderDepth: 1, encoderHeads: 1, numTokens: 96, maxSeqLen: 32 };
  const model = await PalmE.create(
    { ...config, decoderDim: 64, decoderDepth: 1, decoderHeads: 2, alibiNumHeads: 1 },
    { backend, dtype: "q8_0" },
  );
  const image = backend.tensor(Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i)), [1, 3, 64, 64]);
  const quantized = await read(model.forward(image, [[1, 2, 3]]));
  const dtypes = [...model.stateDict().values()].map(({ dtype }) => dtype);
  assert(dtypes.filter((dtype) => dtype === "q8_0").length > 10);
  await quantize(model, "f32");
  const exact = await read(model.forward(image, [[1, 2, 3]]));
  const largest = exact.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  for (const [i, value] of quantized.entries()) assert(Math.abs(value - (exact[i] ?? NaN)) < 1e-3 * largest);
  image.dispose();
  model.dispose();
});

test("a format that there is not, or an abort, leaves the model as it was", async (backend) => {
  const unknown = "q5_1" as WeightFormat;
  const refusal = `format "q5_1": expected ${backend.formats.join(", ")}`;
  await assertRejects(() => Andromeda.create(small, { backend, dtype: unknown }), ConfigError, refusal);
  const model = await Andromeda.create(small, { backend });
  const logits = await logitsOf(model);
  await assertRejects(() => quantize(model, unknown), ConfigError, refusal);
  const reason = new Error("enough");
  await assertRejects(() => quantize(model, "q8_0", { signal: AbortSignal.abort(reason) }), Error, "enough");
  assertEquals(await logitsOf(model), logits);
  model.dispose();
});
