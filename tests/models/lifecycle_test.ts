import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import {
  Andromeda,
  ConfigError,
  createBackend,
  DisposedError,
  HostTensor,
  loadModel,
  readSafetensors,
  Transformer,
  WeightsError,
} from "../../mod.ts";
import { engineTest, folderTest } from "../support/engines.ts";

const tiny = {
  numTokens: 19,
  maxSeqLen: 16,
  dim: 24,
  depth: 2,
  heads: 2,
  dimHead: 32,
  alibiNumHeads: 1,
  attnKvHeads: 1,
};

async function logitsOf(model: Andromeda | Transformer, tokens = [1, 2, 3]): Promise<Float32Array> {
  const logits = model.forward(tokens);
  const values = Float32Array.from(await logits.data());
  logits.dispose();
  return values;
}

engineTest("the same seed gives the same model, another seed another", async (backend) => {
  const logits: Float32Array[] = [];
  for (const seed of [1, 1, 2]) {
    const model = await Andromeda.create(tiny, { backend, seed });
    logits.push(await logitsOf(model));
    model.dispose();
  }
  assertEquals(logits[0], logits[1]);
  assert(logits[0]?.some((value, i) => value !== logits[2]?.[i]));
});

folderTest("a saved model comes back to the bit, of the class that it was", async (backend) => {
  const folder = await Deno.makeTempDir();
  try {
    for (const config of [{}, { deepnorm: true, shiftTokens: 1 }, { reference: "zeta" as const }]) {
      const model = await Andromeda.create({ ...tiny, ...config }, { backend, seed: 5 });
      await model.save(folder);
      const loaded = await loadModel(folder, { backend });
      if (!(loaded instanceof Andromeda)) throw new Error("expected an Andromeda");
      assertEquals(loaded.config, model.config);
      assertEquals(await logitsOf(loaded), await logitsOf(model));
      loaded.dispose();
      model.dispose();
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["config.json", "model.safetensors"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

engineTest("a saved model carries the reference's buffers", async (backend) => {
  const chunks: Uint8Array[] = [];
  const model = await Andromeda.create(tiny, { backend });
  await model.save(new WritableStream({ write: (chunk) => void chunks.push(chunk) }));
  const entries = await readSafetensors(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()));
  assertEquals(entries.get("attn_layers.rotary_pos_emb.inv_freq")?.shape, [8]);
  assertEquals(entries.get("attn_layers.rotary_pos_emb.scale")?.shape, [8]);
  model.dispose();
});

engineTest("a state dict is taken over whole or not at all", async (backend) => {
  const source = await Andromeda.create(tiny, { backend, seed: 1 });
  const target = await Andromeda.create(tiny, { backend, seed: 2 });
  const before = await logitsOf(target);
  const entries = new Map(source.stateDict());
  const gamma = entries.get("attn_layers.final_norm.gamma");
  entries.delete("attn_layers.final_norm.gamma");
  const missing = await assertRejects(() => target.loadStateDict(entries), WeightsError);
  assert(missing.message.includes("attn_layers.final_norm.gamma"), missing.message);
  assertEquals(await logitsOf(target), before);
  const wrong = new Map<string, HostTensor>([["to_logits.weight", HostTensor.from(new Float32Array(6), [2, 3])]]);
  assert(
    (await assertRejects(() => target.loadStateDict(wrong, { strict: false }), WeightsError)).message.includes(
      "[2, 3]",
    ),
  );
  if (gamma) entries.set("attn_layers.final_norm.gamma", gamma);
  await target.loadStateDict(entries);
  assertEquals(await logitsOf(target), await logitsOf(source));
  source.dispose();
  target.dispose();
});

engineTest("wrappers' prefixes and modules registered twice are understood", async (backend) => {
  const model = await Andromeda.create(tiny, { backend, seed: 3 });
  const entries = new Map<string, HostTensor>();
  for (const [name, tensor] of model.stateDict()) {
    const host = HostTensor.from(Float32Array.from(await tensor.data()), tensor.shape);
    entries.set(`Andromeda.${name}`, host);
    entries.set(`decoder.net.${name}`, host);
  }
  const other = await Andromeda.create(tiny, { backend, seed: 4 });
  await other.loadStateDict(entries);
  assertEquals(await logitsOf(other), await logitsOf(model));
  model.dispose();
  other.dispose();
});

engineTest("an embedding provider makes the token table", async (backend) => {
  const embeddingProvider = {
    createTable: (numTokens: number, dim: number) => new Float32Array(numTokens * dim).fill(0.25),
  };
  const model = await Andromeda.create({ ...tiny, embeddingProvider }, { backend });
  const table = await model.stateDict().get("token_emb.emb.weight")?.data();
  assertEquals(table, new Float32Array(tiny.numTokens * tiny.dim).fill(0.25));
  model.dispose();
});

engineTest("a configuration in camelCase and weights in memory make a model", async (backend) => {
  const model = await Transformer.create({ ...tiny, rotaryPosEmb: true }, { backend });
  const chunks: Uint8Array[] = [];
  await model.save(new WritableStream({ write: (chunk) => void chunks.push(chunk) }));
  const config = { modelType: "transformer", ...tiny, rotaryPosEmb: true };
  const loaded = await loadModel({ config, weights: new Blob(chunks as BlobPart[]) }, { backend });
  if (!(loaded instanceof Transformer)) throw new Error("expected a Transformer");
  assertEquals(await logitsOf(loaded), await logitsOf(model));
  model.dispose();
  loaded.dispose();
});

engineTest("an unknown class, an aborted load and a broken file leave nothing behind", async (backend) => {
  const weights = new Uint8Array([1, 2, 3]);
  await assertRejects(() => loadModel({ config: { model_type: "bert" }, weights }, { backend }), WeightsError);
  const aborted = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => Andromeda.create(tiny, { backend, signal: aborted }), Error, "enough");
  assertEquals(backend.memory().tensors, 0);
});

engineTest("a model can be moved to a backend of its own", async (backend) => {
  const { WasmBackend } = await import("../../assembly/backend.ts");
  const other: Backend = await WasmBackend.create();
  const model = await Andromeda.create(tiny, { backend });
  const before = await logitsOf(model);
  await model.to(other);
  assertEquals(backend.memory().tensors, 0);
  assert(model.backend === other);
  const after = await logitsOf(model);
  assert(after.every((value, i) => Math.abs(value - (before[i] ?? NaN)) < 1e-4));
  model.dispose();
  assertEquals(other.memory().tensors, 0);
  other.dispose();
});

engineTest("a disposed model says so", async (backend) => {
  const model = await Andromeda.create(tiny, { backend });
  model.dispose();
  model.dispose();
  assertThrows(() => model.forward([1]), DisposedError);
});

Deno.test("models that are given no backend share one, which goes with the last of them", async () => {
  const [a, b] = [await Andromeda.create(tiny), await Andromeda.create(tiny)];
  assert(a.backend === b.backend);
  const { backend } = a;
  a.dispose();
  assertEquals((await logitsOf(b)).length, 3 * tiny.numTokens);
  b.dispose();
  assertThrows(() => backend.tensor(Float32Array.of(1), [1]), DisposedError);
});

Deno.test("a name that the class does not have is refused on loading too", async () => {
  await assertRejects(() => Andromeda.load({ config: { dims: 3 }, weights: new Uint8Array(0) }), WeightsError);
  await assertRejects(() => Andromeda.create({ dims: 3 } as Record<string, number>), ConfigError, "dim");
});

engineTest("a pass takes memory for one sublayer, however many there are", async (shared) => {
  const peaks: number[] = [];
  for (const depth of [2, 8]) {
    const backend = await createBackend(shared.name === "webgpu" ? "webgpu" : "wasm");
    const model = await Transformer.create({ ...tiny, maxSeqLen: 256, depth, attnLayers: "decoder" }, { backend });
    const { bytesInUse } = backend.memory();
    const logits = model.forward(Array.from({ length: 256 }, () => 1), { positions: "last" });
    await logits.data();
    peaks.push(backend.memory().peakBytes - bytesInUse);
    backend.dispose();
  }
  const [few = 0, many = 0] = peaks;
  assert(many < 1.1 * few, `${many} bytes for 8 blocks, ${few} for 2`);
});
