/** Greedy tokens are PyTorch's, one text at a time and several at once. */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { type Andromeda, PalmE, ViTransformerWrapper } from "../../mod.ts";
import type { HostTensor } from "../../models/weights/host_tensor.ts";
import { caseNames, loadCheckpoint, readCase, rowsOf } from "../support/cases.ts";
import { engineTest, forEachEngine, type GpuRuns, isLeftOut } from "../support/engines.ts";
import { goldenTest, readGoldenJson } from "../support/golden.ts";

/** The cases that a GPU is tested with. */
const typical: Readonly<Record<string, GpuRuns>> = {
  "andromeda-base": "always",
  "andromeda-abs-pos-crop": "always",
  "palme-base": "slow",
  "xt-andromeda": "always",
  "xt-cross": "always",
  "xt-gateheads-shift": "always",
};

/** The cases that generate. */
const withGreedy: string[] = [];

for (const name of await caseNames()) {
  const { io } = await readCase(name);
  const [prompt, greedy] = [io.get("prompt"), io.get("greedy")];
  if (!prompt || !greedy) continue;
  withGreedy.push(name);
  engineTest(`${name} generates PyTorch's tokens`, async (backend) => {
    await checkGreedy(backend, name, rowsOf(prompt), rowsOf(greedy));
  }, typical[name] ?? "alone");
}

async function checkGreedy(backend: Backend, name: string, prompts: number[][], expected: number[][]) {
  const { io, load } = await readCase(name);
  const model = await load(backend);
  if (model instanceof ViTransformerWrapper) throw new Error(`${name} is no text model`);
  const options = { maxNewTokens: expected[0]!.length, temperature: 0 };
  try {
    for (const [row, prompt] of prompts.entries()) {
      const inputs = inputsOf(backend, io, row, row + 1);
      const tokens = await Array.fromAsync(generate(prompt, inputs));
      inputs.context?.dispose();
      assertEquals(tokens, expected[row], `row ${row}`);
    }
    const inputs = inputsOf(backend, io, 0, prompts.length);
    const rows = model instanceof PalmE
      ? await model.generateBatch(prompts, { ...options, image: inputs.image })
      : await model.generateBatch(prompts, { ...options, ...inputs.forText });
    inputs.context?.dispose();
    assertEquals(rows, expected);
  } finally {
    model.dispose();
  }

  function generate(prompt: number[], inputs: ReturnType<typeof inputsOf>) {
    return model instanceof PalmE
      ? model.generate(prompt, { ...options, image: inputs.image })
      : (model as Andromeda).generate(prompt, { ...options, ...inputs.forText });
  }
}

/** What rows look at beside their tokens. */
function inputsOf(backend: Backend, io: Map<string, HostTensor>, from: number, to: number) {
  const [image, context, mask] = [io.get("image"), io.get("context"), io.get("context_mask")];
  const placed = context && backend.tensor(...part(context, from, to));
  const contextMask = mask && rowsOf(mask).slice(from, to).map((row) => row.map(Boolean));
  const [data, shape] = image ? part(image, from, to) : [];
  return {
    image: data && shape && { data, shape },
    context: placed,
    forText: { context: placed, contextMask },
  };
}

/** Rows of the first dimension. */
function part(tensor: HostTensor, from: number, to: number): [Float32Array, number[]] {
  const [rows = 1, ...rest] = tensor.shape;
  const size = tensor.values().length / rows;
  return [tensor.values().slice(from * size, to * size), [to - from, ...rest]];
}

goldenTest("the cases name what they generate", () => {
  assertEquals(withGreedy.length >= 38, true, `${withGreedy.length} cases`);
});

forEachEngine((engine, create, isAvailable) => {
  if (!isAvailable) return;
  goldenTest(`${engine}: the checkpoint continues ten prompts as PyTorch does`, async () => {
    const { prompts } = await readGoldenJson<{ prompts: { token_ids: number[]; greedy_ids: number[] }[] }>(
      "checkpoint/parity.json",
    );
    const backend = await create();
    const model = await loadCheckpoint(backend);
    const options = { maxNewTokens: 64, temperature: 0 };
    const expected = prompts.map(({ greedy_ids }) => greedy_ids);
    const together = isLeftOut(engine, "slow") ? 0 : prompts.length;
    const rows = await model.generateBatch(prompts.slice(0, together).map(({ token_ids }) => token_ids), options);
    assertEquals(rows, expected.slice(0, together));
    for (const [i, { token_ids }] of prompts.slice(0, engine === "webgpu" ? 1 : 10).entries()) {
      assertEquals(await Array.fromAsync(model.generate(token_ids, options)), expected[i], `prompt ${i}`);
    }
    model.dispose();
    assertEquals(backend.memory().tensors, 0);
    backend.dispose();
  });
});
