/**
 * x-transformers 2.31.10, which pip installs: models agree with it where its options are supported, and are refused by
 * name elsewhere.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Backend } from "../../../backend/backend.ts";
import type { Tensor } from "../../../backend/memory.ts";
import { ConfigError, loadModel, readSafetensors, Transformer, ViTransformerWrapper } from "../../../mod.ts";
import { scalar } from "../../../models/model.ts";
import { assertAgrees, rowsOf } from "../../support/cases.ts";
import { engineTest } from "../../support/engines.ts";
import { goldenFolders, goldenTest, goldenUrl, readGoldenJson } from "../../support/golden.ts";

/** The option by which a case is refused. */
const refused: Readonly<Record<string, string>> = {
  "adaptive-rmsnorm": "use_adaptive_rmsnorm",
  "attend-past": "attn_max_attend_past",
  "attn-on-attn": "attn_on_attn",
  "average-pool": "average_pool_embed",
  "cls-token": "use_cls_token",
  "continuous": "continuous",
  "dynamic-bias": "dynamic_pos_bias",
  "dynamic-tanh": "use_dynamic_tanh",
  "gate-residual": "gate_residual",
  "gemma2": "attn_softclamp_logits",
  "glu-mult-bias": "ff_glu_mult_bias",
  "hyper": "num_residual_streams",
  "interspersed": "memory_tokens_interspersed_every",
  "layerscale": "use_layerscale",
  "lime": "integrate_layers",
  "logits-dim": "logits_dim",
  "macaron": "macaron",
  "mixture-of-softmax": "mixture_of_softmax",
  "modern": "attn_qk_rmsnorm",
  "no-positions": "use_abs_pos_emb: false does the same",
  "pre-post-norm": "pre_and_post_norm",
  "qk-rmsnorm": "attn_qk_rmsnorm",
  "qknorm-groups": "attn_qk_norm_groups",
  "residual-attn": "residual_attn",
  "rotary-rescale": "rotary_interpolation_factor",
  "sandwich-coef": "sandwich_coef",
  "selective": "attn_selective",
  "shift-tuple": "shift_tokens",
  "sigmoid": "attn_sigmoid",
  "sink": "attn_head_learned_sink",
  "sinusoidal": "scaled_sinu_pos_emb",
  "solu": "ff_solu",
  "sparse-topk": "attn_sparse_topk",
  "t5-bias": "rel_pos_bias",
  "talking-heads": "attn_pre_talking_heads",
  "two-heads": "num_output_heads",
  "unet": "unet_skips",
  "value-dim-head": "attn_value_dim_head",
  "value-residual": "add_value_residual",
  "vit-registers": "num_register_tokens",
  "weight-tie": "weight_tie_layers",
  "xtransformer": "xtransformer",
  "zero-kv": "attn_add_zero_kv",
};

const names = await goldenFolders("xt2/");

goldenTest("x-transformers 2.31.10: the cases are there, some of each kind", () => {
  const supported = names.filter((name) => !(name in refused));
  assert(supported.length >= 18 && names.length - supported.length >= 40, `${supported.length} of ${names.length}`);
});

for (const name of names) {
  const option = refused[name];
  if (option === undefined) {
    engineTest(`x-transformers 2.31.10: ${name} agrees with PyTorch`, (backend) => check(name, backend));
    continue;
  }
  goldenTest(`x-transformers 2.31.10: ${name} is refused by its option`, async () => {
    const error = await assertRejects(() => loadModel(goldenUrl(`xt2/${name}/`)), ConfigError);
    assertStringIncludes(error.message, option);
  });
}

type Io = Awaited<ReturnType<typeof readSafetensors>>;

async function check(name: string, backend: Backend): Promise<void> {
  const io = await readSafetensors(goldenUrl(`xt2/${name}/io.safetensors`));
  const model = await loadModel(goldenUrl(`xt2/${name}/`), { backend });
  try {
    if (model instanceof ViTransformerWrapper) await checkImages(model, io);
    else if (model instanceof Transformer) await checkText(model, io, backend);
    else throw new Error(`${name} is a ${model.modelType}`);
  } finally {
    model.dispose();
  }
}

async function checkImages(model: ViTransformerWrapper, io: Io): Promise<void> {
  const image = { data: io.get("image")!.values(), shape: io.get("image")!.shape };
  assertAgrees("logits", await read(model.forward(image)), io.get("logits")!.values());
}

async function checkText(model: Transformer, io: Io, backend: Backend): Promise<void> {
  const kept = (name: string) => io.has(name) ? rowsOf(io.get(name)!).map((row) => row.map(Boolean)) : undefined;
  const given = io.get("context");
  const context = given && backend.tensor(given.values(), given.shape);
  const options = { context, contextMask: kept("context_mask") };
  const ids = rowsOf(io.get("input_ids")!);
  try {
    const pass = { ...options, mask: kept("mask") };
    assertAgrees("logits", await read(model.forward(ids, pass)), io.get("logits")!.values());
    const embeddings = await read(model.forward(ids, { ...pass, returnEmbeddings: true }));
    assertAgrees("embeddings", embeddings, io.get("embeddings")!.values());
    if (io.has("loss")) {
      const loss = model.loss(ids, options);
      const [mean, expected] = [await scalar(loss), io.get("loss")!.values()[0]!];
      loss.dispose();
      assert(Math.abs(mean - expected) < 2e-5, `loss ${mean}, expected ${expected}`);
    }
    if (!io.has("greedy")) return;
    for (const [row, expected] of rowsOf(io.get("greedy")!).entries()) {
      const own = given && backend.tensor(rowOf(given.values(), row, ids.length), [1, ...given.shape.slice(1)]);
      const forText = { context: own, contextMask: options.contextMask?.slice(row, row + 1) };
      const prompt = ids[row]!.slice(0, 6);
      const tokens = model.generate(prompt, { temperature: 0, maxNewTokens: expected.length, ...forText });
      assertEquals(await Array.fromAsync(tokens), expected, `greedy tokens of row ${row}`);
      own?.dispose();
    }
  } finally {
    context?.dispose();
  }
}

function rowOf(values: Float32Array, row: number, rows: number): Float32Array {
  const size = values.length / rows;
  return values.subarray(row * size, (row + 1) * size);
}

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = await tensor.data();
  tensor.dispose();
  return Float32Array.from(values);
}

goldenTest(
  "a checkpoint that does not tell its version is refused where versions differ, and names the key",
  async () => {
    for (const name of ["andromeda", "cross", "scaleres-memkv", "memtokens-tied"]) {
      const { x_transformers_version: _, ...config } = await readGoldenJson<Record<string, unknown>>(
        `xt2/${name}/config.json`,
      );
      const weights = goldenUrl(`xt2/${name}/model.safetensors`);
      const error = await assertRejects(() => loadModel({ config, weights }), ConfigError);
      assertStringIncludes(error.message, "x_transformers_version");
    }
  },
);

engineTest("a checkpoint whose tensors tell its version, or whose versions agree, needs no key", async (backend) => {
  const names = ["gpt", "llama", "single-head", "sandwich-gated", "gateheads-shift", "tied-scale", "rotary-emb-dim"];
  if ((await goldenFolders("xt2/")).length === 0) return;
  for (const name of names) {
    const { x_transformers_version: _, ...config } = await readGoldenJson<Record<string, unknown>>(
      `xt2/${name}/config.json`,
    );
    const model = await loadModel({ config, weights: goldenUrl(`xt2/${name}/model.safetensors`) }, { backend });
    if (!(model instanceof Transformer)) throw new Error(`${name} is a ${model.modelType}`);
    const io = await readSafetensors(goldenUrl(`xt2/${name}/io.safetensors`));
    const logits = await read(model.forward(rowsOf(io.get("input_ids")!)));
    model.dispose();
    assertAgrees(name, logits, io.get("logits")!.values());
  }
});
