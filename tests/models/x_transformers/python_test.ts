/**
 * Models that Python's x-transformers makes here and now, whatever version it has, and the guide's recipe for them.
 */

import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../../backend/backend.ts";
import { loadModel, readSafetensors, Transformer } from "../../../mod.ts";
import { scalar } from "../../../models/model.ts";
import { assertAgrees, rowsOf } from "../../support/cases.ts";
import { forEachEngine } from "../../support/engines.ts";
import { pythonTest, runPython } from "../../support/python.ts";

const modules = ["torch", "x_transformers", "safetensors"];
const script = await Deno.readTextFile(new URL("random_models.py", import.meta.url));
const COUNT = 24;

/** The same sets of options every time; ANDROMEDA_SEED draws others. */
const seed = Deno.env.get("ANDROMEDA_SEED") ?? "1";

forEachEngine((engine, create, isAvailable) => {
  if (!isAvailable) return;
  pythonTest(`${engine}: random options of pip's x-transformers give PyTorch's numbers`, modules, async () => {
    const folder = await Deno.makeTempDir({ prefix: "andromeda_random_" });
    const backend = await create();
    try {
      const { made } = await runPython<{ made: number }>(script, [folder, String(COUNT), seed]);
      assertEquals(made, COUNT);
      for (let i = 0; i < made; i++) await checkRandom(`${folder}/${i}`, backend);
      assertEquals(backend.memory().tensors, 0);
    } finally {
      backend.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  });
});

async function checkRandom(folder: string, backend: Backend): Promise<void> {
  const what = `seed ${seed}, ${await Deno.readTextFile(`${folder}/config.json`)}`;
  const io = await readSafetensors(`${folder}/io.safetensors`);
  const model = await loadModel(folder, { backend });
  if (!(model instanceof Transformer)) throw new Error(`a ${model.modelType}`);
  const ids = rowsOf(io.get("input_ids")!);
  const kept = (name: string) => io.has(name) ? rowsOf(io.get(name)!).map((row) => row.map(Boolean)) : undefined;
  const given = io.get("context");
  const context = given && backend.tensor(given.values(), given.shape);
  const options = { context, contextMask: kept("context_mask") };
  for (const [name, mask] of [["logits", undefined], ["masked_logits", kept("mask")]] as const) {
    const logits = model.forward(ids, { ...options, mask });
    assertAgrees(`${name}: ${what}`, Float32Array.from(await logits.data()), io.get(name)!.values());
    logits.dispose();
  }
  const pooled = model.embed(ids, { ...options, mask: kept("mask") });
  assertAgrees(`pooled: ${what}`, Float32Array.from(await pooled.data()), io.get("pooled")!.values());
  pooled.dispose();
  if (io.has("greedy")) {
    const loss = model.loss(ids, options);
    assert(Math.abs(await scalar(loss) - io.get("loss")!.values()[0]!) < 5e-5, `loss: ${what}`);
    loss.dispose();
    const prompts = ids.map((row) => row.slice(0, 5));
    const expected = rowsOf(io.get("greedy")!);
    const made = { temperature: 0, maxNewTokens: expected[0]!.length, ...options };
    assertEquals(await model.generateBatch(prompts, made), expected, `greedy: ${what}`);
    if (!context) {
      assertEquals(await Array.fromAsync(model.generate(prompts[0]!, made)), expected[0], `greedy: ${what}`);
    }
  }
  context?.dispose();
  model.dispose();
}

pythonTest("the guide's recipe for one's own checkpoint works with pip's x-transformers", modules, async () => {
  const guide = await Deno.readTextFile(new URL("../../../docs/guide/checkpoints.md", import.meta.url));
  const recipe = /```python\n([\s\S]*?)```/.exec(guide)?.[1];
  assert(recipe?.includes("x_transformers_version"), "the guide has no recipe");
  const folder = await Deno.makeTempDir({ prefix: "andromeda_recipe_" });
  try {
    const program = `
import os, sys
os.chdir(sys.argv[1])
${recipe}
import torch
ids = [[7, 500, 31999, 0, 12, 12, 400, 8000]]
with torch.no_grad():
    print(json.dumps(model.eval()(torch.tensor(ids))[0, -1].tolist()))
`;
    const expected = await runPython<number[]>(program, [folder]);
    const model = await loadModel(`${folder}/mine`);
    if (!(model instanceof Transformer)) throw new Error(`a ${model.modelType}`);
    const logits = model.forward([[7, 500, 31999, 0, 12, 12, 400, 8000]], { positions: "last" });
    assertAgrees("logits", Float32Array.from(await logits.data()), Float32Array.from(expected));
    logits.dispose();
    model.dispose();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
