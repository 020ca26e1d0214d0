/** Models in Hugging Face's format agree with what PyTorch computed with them, and are written as they were read. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import {
  ConfigError,
  GPT2,
  HostTensor,
  type LanguageModel,
  Llama,
  loadLanguageModel,
  loadModel,
  readSafetensors,
  WeightsError,
  writeSafetensors,
} from "../../mod.ts";
import { assertAgrees, rowsOf } from "../support/cases.ts";
import { engineTest, folderTest } from "../support/engines.ts";
import { goldenFolders, goldenTest, goldenUrl, readGoldenJson } from "../support/golden.ts";

type Config = Record<string, unknown>;

const names = ["llama-plain", "llama-gqa-tied", "llama-bf16-sharded", "gpt2-plain"];
const present = (await goldenFolders("families/")).filter((name) => names.includes(name));

goldenTest("the cases of families are there", () => {
  assertEquals(present, names.toSorted());
});

async function load(name: string, backend: Backend, config = "config.json"): Promise<LanguageModel> {
  const [given, weights] = [await readGoldenJson<Config>(`families/${name}/${config}`), weightsOf(name)];
  return await loadLanguageModel({ config: given, weights }, { backend });
}

function weightsOf(name: string): URL {
  const index = name.endsWith("-sharded") ? ".index.json" : "";
  return goldenUrl(`families/${name}/model.safetensors${index}`);
}

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = await tensor.data();
  tensor.dispose();
  return Float32Array.from(values);
}

for (const name of present) {
  engineTest(`${name} agrees with PyTorch`, async (backend) => {
    const io = await readSafetensors(goldenUrl(`families/${name}/io.safetensors`));
    for (const config of ["config.json", "config.v5.json"]) {
      const model = await load(name, backend, config);
      const tokens = rowsOf(io.get("input_ids")!);
      assertAgrees("logits", await read(model.forward(tokens)), io.get("logits")!.values());
      const hidden = await read(model.forward(tokens, { returnEmbeddings: true }));
      assertAgrees("last hidden state", hidden, io.get("last_hidden_state")!.values());
      assertAgrees("loss", await read(model.loss(tokens)), io.get("loss")!.values(), 2e-5);
      const greedy = await model.generateBatch(tokens, { temperature: 0, maxNewTokens: 16, eosToken: undefined });
      assertEquals(greedy, rowsOf(io.get("greedy")!));
      for (const [row, tokens] of rowsOf(io.get("input_ids")!).entries()) {
        const alone = await Array.fromAsync(model.generate(tokens, { temperature: 0, maxNewTokens: 16 }));
        assertEquals(alone, greedy[row]);
      }
      model.dispose();
    }
  });

  engineTest(`${name} does not see padding in front of a text`, async (backend) => {
    const io = await readSafetensors(goldenUrl(`families/${name}/io.safetensors`));
    const model = await load(name, backend);
    const tokens = rowsOf(io.get("padded_input_ids")!);
    const mask = rowsOf(io.get("padded_attention_mask")!).map((row) => row.map((value) => value === 1));
    const logits = await read(model.forward(tokens, { mask }));
    const width = logits.length / mask.flat().length;
    const kept = logits.map((value, i) => mask.flat()[Math.floor(i / width)] ? value : 0);
    assertAgrees("logits", kept, io.get("padded_logits")!.values());
    const prompts = tokens.map((row, r) => row.filter((_, i) => mask[r]?.[i]));
    const greedy = await model.generateBatch(prompts, { temperature: 0, maxNewTokens: 16 });
    assertEquals(greedy, rowsOf(io.get("padded_greedy")!));
    model.dispose();
  });
}

// Weights of 16 bits are held, and saved, in 32.
for (const name of present.filter((name) => !name.includes("bf16"))) {
  folderTest(`${name} is saved under the names and with the bytes that it was loaded from`, async (backend) => {
    const model = await load(name, backend);
    const folder = await Deno.makeTempDir();
    try {
      await model.save(folder);
      const [saved, original] = [
        await readSafetensors(`${folder}/model.safetensors`),
        await readSafetensors(weightsOf(name)),
      ];
      for (const found of original.keys()) if (/\.attn\.bias$/.test(found)) original.delete(found); // a mask
      assertEquals([...saved.keys()].toSorted(), [...original.keys()].toSorted());
      for (const [name, { shape, bytes }] of original) {
        assertEquals([saved.get(name)?.shape, saved.get(name)?.bytes], [shape, bytes], name);
      }
      const again = await loadLanguageModel(folder, { backend });
      const config: Config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      const given = await readGoldenJson<Config>(`families/${name}/config.json`);
      for (const key of ["architectures", "model_type", "vocab_size", "eos_token_id"]) {
        assertEquals(config[key], given[key]);
      }
      const tokens = [1, 2, 3];
      assertEquals(await read(again.forward(tokens)), await read(model.forward(tokens)));
      await again.loadStateDict(model.stateDict());
      assertEquals(await read(again.forward(tokens)), await read(model.forward(tokens)));
      again.dispose();
    } finally {
      await Deno.remove(folder, { recursive: true });
      model.dispose();
    }
  });
}

/** The bytes of a model's weights. */
async function saved(model: LanguageModel): Promise<Uint8Array> {
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const [bytes] = await Promise.all([new Response(stream.readable).bytes(), model.save(stream.writable)]);
  return bytes;
}

const small = {
  vocabSize: 20,
  maxPositionEmbeddings: 16,
  hiddenSize: 24,
  intermediateSize: 20,
  numHiddenLayers: 1,
  numAttentionHeads: 6,
  numKeyValueHeads: 3,
};

engineTest("tensors in another arrangement come back in every format, biases too", async (backend) => {
  const config = { ...small, hiddenSize: 96, intermediateSize: 64, headDim: 32, attentionBias: true, mlpBias: true };
  for (const dtype of ["f32", "f16", "q8_0"] as const) {
    const model = await Llama.create(config, { backend, dtype, seed: 3 });
    const bytes = await saved(model);
    const again = await Llama.load({ config, weights: bytes }, { backend, dtype });
    assertEquals(await saved(again), bytes);
    const tensors = await readSafetensors(bytes);
    assertEquals(tensors.get("model.layers.0.self_attn.q_proj.bias")?.shape, [192]);
    assertEquals(tensors.get("model.layers.0.mlp.gate_proj.bias")?.shape, [64]);
    const tokens = [3, 1, 4, 1, 5];
    assertEquals(await read(again.forward(tokens)), await read(model.forward(tokens)));
    for (const each of [model, again]) each.dispose();
  }
});

engineTest("a query head reads the key head of its group, which are consecutive in checkpoints", async (backend) => {
  const grouped = { ...small, numKeyValueHeads: 2, headDim: 4 };
  const model = await Llama.create(grouped, { backend, seed: 5 });
  const tensors = await readSafetensors(await saved(model));
  // The same model with a key head for each query head.
  for (const name of ["k_proj", "v_proj"].map((name) => `model.layers.0.self_attn.${name}.weight`)) {
    const values = tensors.get(name)!.values();
    const head = (query: number) => values.subarray(Math.floor(query / 3) * 96, Math.floor(query / 3) * 96 + 96);
    const repeated = Float32Array.from(Array.from({ length: 6 }, (_, query) => [...head(query)]).flat());
    tensors.set(name, HostTensor.from(repeated, [24, 24]));
  }
  const plain = await Llama.create({ ...grouped, numKeyValueHeads: 6 }, { backend });
  await plain.loadStateDict(tensors);
  const tokens = [3, 1, 4, 1, 5, 9];
  assertAgrees("logits", await read(model.forward(tokens)), await read(plain.forward(tokens)), 1e-6);
  for (const each of [model, plain]) each.dispose();
});

engineTest("a checkpoint of the bare class, and one with logits beside a tie, load", async (backend) => {
  const config = { nEmbd: 16, nHead: 2, nLayer: 1, vocabSize: 9, nPositions: 8 };
  const model = await GPT2.create(config, { backend });
  const tensors = [...await readSafetensors(await saved(model))];
  const bare = new Map(tensors.map(([name, tensor]) => [name.replace("transformer.", ""), tensor]));
  const tied = new Map([...tensors, ["lm_head.weight", HostTensor.from(new Float32Array(144), [9, 16])]]);
  const expected = await read(model.forward([1, 2]));
  for (const entries of [bare, tied]) {
    const again = await GPT2.create(config, { backend, seed: 1 });
    await again.loadStateDict(entries);
    assertEquals(await read(again.forward([1, 2])), expected);
    again.dispose();
  }
  const missing = new Map(tensors.filter(([name]) => !name.endsWith("c_attn.weight")));
  const error = await assertRejects(() => model.loadStateDict(missing), WeightsError);
  assert(error.message.includes("missing: transformer.h.0.attn.c_attn.weight [16, 48]"), error.message);
  model.dispose();
});

engineTest("values that are not finite are placed by the names of the checkpoint", async (backend) => {
  const [llama, gpt2] = [
    await Llama.create(small, { backend }),
    await GPT2.create({ nEmbd: 16, nHead: 2, nLayer: 2, vocabSize: 9, nPositions: 8 }, { backend }),
  ];
  const broken: [LanguageModel, name: string, part: string][] = [
    [llama, "model.layers.0.mlp.down_proj.weight", "model.layers.0 (feedForward)"],
    [gpt2, "transformer.h.1.attn.c_attn.bias", "transformer.h.1 (selfAttention)"],
    [gpt2, "transformer.wte.weight", "transformer.wte"],
  ];
  for (const [model, name, part] of broken) {
    const { shape, size } = (await readSafetensors(await saved(model))).get(name)!;
    const entries = new Map([[name, HostTensor.from(new Float32Array(size).fill(NaN), shape)]]);
    await model.loadStateDict(entries, { strict: false });
    const run = () => Array.fromAsync(model.generate([1, 2], { maxNewTokens: 1 }));
    const { message } = await assertRejects(run, WeightsError);
    assert(message.includes(`come out of ${part};`), message);
  }
  for (const model of [llama, gpt2]) model.dispose();
});

engineTest("scores of GPT-2 may be divided by the number of the block", async (backend) => {
  const config = { nEmbd: 16, nHead: 2, nLayer: 2, vocabSize: 9, nPositions: 8 };
  const runs: number[][] = [];
  for (const options of [{}, { scaleAttnByInverseLayerIdx: true }, { scaleAttnWeights: false }]) {
    const model = await GPT2.create({ ...config, ...options }, { backend });
    runs.push([...await read(model.forward([1, 2, 3, 4]))]);
    model.dispose();
  }
  assert(runs[0]?.some((value, i) => value !== runs[1]?.[i]) && runs[0].some((value, i) => value !== runs[2]?.[i]));
});

engineTest("options that ask for what is not supported are refused by name", async (backend) => {
  const refused: [Config, string][] = [
    [{ ropeScaling: { type: "linear", factor: 2 } }, 'rope_type = "linear"'],
    [{ rope_parameters: { rope_type: "yarn", rope_theta: 1e4 } }, 'rope_type = "yarn"'],
    [{ rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } }, "partial_rotary_factor = 0.5"],
    [{ hidden_act: "quick_gelu" }, 'hidden_act = "quick_gelu"'],
    [{ quantization_config: { bits: 4 } }, "quantization_config"],
    [{ numKeyValueHeads: 4 }, "4 key heads"],
  ];
  for (const [options, text] of refused) {
    const error = await assertRejects(() => Llama.create({ ...small, ...options }, { backend }), ConfigError);
    assert(error.message.includes(text), error.message);
  }
  const gpt2 = { add_cross_attention: true };
  await assertRejects(() => GPT2.create(gpt2 as object, { backend }), ConfigError, "add_cross_attention = true");
  const unknown = { config: { model_type: "mamba" }, weights: writeSafetensors([]) };
  const error = await assertRejects(() => loadModel(unknown, { backend }), ConfigError);
  for (const text of ['"mamba"', "andromeda", "gpt2", "llama"]) assert(error.message.includes(text), error.message);
  const vision = { config: { model_type: "vit" }, weights: writeSafetensors([]) };
  await assertRejects(() => loadLanguageModel(vision, { backend }), ConfigError, '"vit": expected one of andromeda');
});
