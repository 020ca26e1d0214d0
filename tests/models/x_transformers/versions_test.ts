/**
 * Versions of x-transformers that compute differently under the same names: each checkpoint gets its own version's
 * numbers.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Backend } from "../../../backend/backend.ts";
import type { Tensor } from "../../../backend/memory.ts";
import { Andromeda, ConfigError, loadModel, readSafetensors, Transformer, WeightsError } from "../../../mod.ts";
import type { HostTensor } from "../../../models/weights/host_tensor.ts";
import { assertAgrees } from "../../support/cases.ts";
import { engineTest } from "../../support/engines.ts";

const folder = new URL("../../fixtures/x_transformers/", import.meta.url);

/** Whether a version is needed beside the tensors. */
const cases: Readonly<Record<string, "told by the tensors" | "needs its version">> = {
  "gate-2.25.5": "told by the tensors",
  "gate-2.31.10": "told by the tensors",
  "one-head-2.16.2": "told by the tensors",
  "one-head-2.31.10": "told by the tensors",
  "qk-norm-1.44.8": "needs its version",
  "qk-norm-2.20.1": "needs its version",
  "qk-norm-2.25.5": "needs its version",
  "qk-norm-plain-2.20.1": "needs its version",
  "rotary-1.42.17": "told by the tensors",
  "rotary-1.42.18": "told by the tensors",
  "rotary-odd-2.31.10": "told by the tensors",
  "scale-norm-2.31.10": "told by the tensors",
  "tied-2.30.4": "needs its version",
  "tied-2.31.10": "needs its version",
};

interface Expected {
  readonly tokens: number[];
  readonly logits: number[][];
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(path, folder)));
}

async function read(name: string) {
  return {
    config: await readJson<Record<string, unknown>>(`${name}/config.json`),
    expected: await readJson<Expected>(`${name}/expected.json`),
    weights: new URL(`${name}/model.safetensors`, folder),
  };
}

async function logitsOf(model: Transformer, tokens: number[]): Promise<Float32Array> {
  const logits = model.forward(tokens);
  const values = Float32Array.from(await logits.data());
  logits.dispose();
  return values;
}

async function load(backend: Backend, config: object, weights: URL | Uint8Array): Promise<Transformer> {
  return await Transformer.load({ config: { ...config }, weights }, { backend });
}

for (const [name, kind] of Object.entries(cases)) {
  engineTest(`x-transformers: ${name} has that version's numbers, and keeps them when saved`, async (backend) => {
    const { config, expected, weights } = await read(name);
    const values = Float32Array.from(expected.logits.flat());
    const model = await load(backend, config, weights);
    assertAgrees(name, await logitsOf(model, expected.tokens), values);
    assertEquals(model.config.xTransformersVersion, config["x_transformers_version"]);
    const chunks: BlobPart[] = [];
    await model.save(new WritableStream({ write: (chunk: Uint8Array<ArrayBuffer>) => void chunks.push(chunk) }));
    const saved = new Uint8Array(await new Blob(chunks).arrayBuffer());
    model.dispose();
    // The weights carry the version where their configuration does not.
    const { x_transformers_version: _, ...rest } = config;
    const again = await load(backend, rest, saved);
    assertEquals(again.config.xTransformersVersion, config["x_transformers_version"]);
    assertAgrees(`${name}, saved`, await logitsOf(again, expected.tokens), values);
    again.dispose();
  });

  engineTest(`x-transformers: ${name} without its version is ${kind}`, async (backend) => {
    const { config: { x_transformers_version: _, ...config }, expected, weights } = await read(name);
    if (kind === "needs its version") {
      const error = await assertRejects(() => load(backend, config, weights), ConfigError);
      assertStringIncludes(error.message, `Add "x_transformers_version"`);
      return;
    }
    const model = await load(backend, config, weights);
    assertAgrees(name, await logitsOf(model, expected.tokens), Float32Array.from(expected.logits.flat()));
    model.dispose();
  });
}

engineTest("a version that the tensors contradict is refused by both names", async (backend) => {
  const contradictions = {
    "gate-2.25.5": ["2.31.10", "to_v_gate.bias"],
    "gate-2.31.10": ["2.25.5", "to_v_gate without a bias"],
    "one-head-2.16.2": ["2.31.10", "to_out"],
    "one-head-2.31.10": ["2.16.2", "to_out"],
    "rotary-1.42.18": ["1.40.11", "inv_freq [2]"],
  };
  for (const [name, [version = "", sign = ""]] of Object.entries(contradictions)) {
    const { config, weights } = await read(name);
    const other = { ...config, x_transformers_version: version };
    const error = await assertRejects(() => load(backend, other, weights), ConfigError);
    for (const word of [version, sign]) assertStringIncludes(error.message, word);
  }
});

engineTest("versions that don't exist or are not known are refused", async (backend) => {
  const { config, weights } = await read("gate-2.31.10");
  for (const version of ["new", "2.31", "3.0.0", "0.16.1", 2.31, null]) {
    const load_ = () => load(backend, { ...config, x_transformers_version: version }, weights);
    if (version === null) (await load_()).dispose();
    else assertStringIncludes((await assertRejects(load_, ConfigError)).message, "x_transformers_version");
  }
});

engineTest("an argument that decides stands in for the version", async (backend) => {
  for (const [name, scale] of [["tied-2.30.4", 1], ["tied-2.31.10", 0.25]] as const) {
    const { config: { x_transformers_version: _, ...config }, expected, weights } = await read(name);
    const model = await load(backend, { ...config, tie_embedding_scale: scale }, weights);
    assertAgrees(name, await logitsOf(model, expected.tokens), Float32Array.from(expected.logits.flat()));
    model.dispose();
  }
});

engineTest("buffers of another shape or other values than the configuration gives are refused", async (backend) => {
  const { config, weights } = await read("rotary-1.42.18");
  const name = "attn_layers.rotary_pos_emb.inv_freq";
  const error = await assertRejects(() => load(backend, { ...config, rotary_emb_dim: 8 }, weights), WeightsError);
  for (const word of [name, "[2]", "[4]"]) assertStringIncludes(error.message, word);
  // The base that a rescale factor of 4 makes.
  const entries = await readSafetensors(weights);
  const model = await Transformer.create(config, { backend });
  const frequencies = backend.tensor(Float32Array.of(1, (10000 * 4 ** 2) ** -0.5), [2]);
  const state = new Map<string, HostTensor | Tensor>([...entries, [name, frequencies]]);
  const other = await assertRejects(() => model.loadStateDict(state), WeightsError);
  for (const word of [name, "value 1"]) assertStringIncludes(other.message, word);
  frequencies.dispose();
  model.dispose();
});

engineTest("new models are of the newest version that has their options", async (backend) => {
  const small = { numTokens: 8, dim: 32, depth: 1, maxSeqLen: 8, heads: 2, alibiNumHeads: 1 };
  const versionOf = async (config: object) => {
    const model = await Andromeda.create({ ...small, ...config }, { backend });
    model.dispose();
    return model.config.xTransformersVersion;
  };
  assertEquals(await versionOf({}), "2.31.10");
  assertEquals(await versionOf({ reference: "zeta" }), undefined);
  assertEquals(await versionOf({ rotaryEmbedValues: true }), "1.42.18");
  assertEquals(await versionOf({ heads: 1, attnKvHeads: 1, dimHead: 64 }), "2.0.0");
  assertEquals(await versionOf({ xTransformersVersion: "1.40.11" }), "1.40.11");
});

engineTest("options that ask for nothing are accepted, others are refused by name", async (backend) => {
  const { config, weights } = await read("scale-norm-2.31.10");
  const nothing = {
    ...{
      layer_dropout: 0.1,
      attn_dropout: 0.1,
      ff_dropout: 0.2,
      emb_dropout: 0.3,
      verbose: true,
      cross_attn_dropout: 0.1,
    },
    ...{ num_memory_tokens: null, emb_dim: null, attn_kv_heads: null, alibi_num_heads: null, rotary_emb_dim: null },
    ...{ macaron: false, attn_on_attn: false, sandwich_coef: null, num_residual_streams: 1, attn_flash: true },
    ...{ rotary_xpos_scale_base: 512, attn_qk_norm_groups: 1, tie_embedding_scale: null, disable_abs_pos_emb: null },
  };
  const model = await load(backend, { ...config, ...nothing }, weights);
  assertEquals(model.config.numMemoryTokens, 0);
  model.dispose();
  const asked = { macaron: true, attn_sigmoid: true, ff_solu: true, sandwich_coef: 2, cross_attn_qk_norm: true };
  for (const [option, value] of Object.entries(asked)) {
    const error = await assertRejects(() => load(backend, { ...config, [option]: value }, weights), ConfigError);
    assertStringIncludes(error.message, option);
    assert(!error.message.includes("did you mean"), error.message);
  }
  const slips = { ff_glue: "ff_glu", use_rms_norm: "use_rmsnorm", num_token: "num_tokens", attnQkNorn: "attnQkNorm" };
  for (const [slip, meant] of Object.entries(slips)) {
    const error = await assertRejects(() => load(backend, { ...config, [slip]: true }, weights), ConfigError);
    assertStringIncludes(error.message, `did you mean ${meant}`);
  }
  const type = await assertRejects(() => loadModel({ config: { model_type: "continuous" }, weights }), ConfigError);
  assertStringIncludes(type.message, "continuous");
});
