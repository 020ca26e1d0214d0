/**
 * The demo's model, whose matrices are rounded to q8_0: it is the one that was trained in PyTorch, but for the
 * rounding.
 */

import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { Andromeda, readSafetensors } from "../../mod.ts";
import { scalar } from "../../models/model.ts";
import { idsOf } from "../support/cases.ts";
import { engineTest, forEachEngine, isBrief } from "../support/engines.ts";
import { goldenTest, goldenUrl, readGoldenJson } from "../support/golden.ts";

const FOLDER = new URL("../../examples/shakespeare/", import.meta.url);

engineTest("the demo's model knows Shakespeare from noise", async (backend) => {
  const model = await Andromeda.load(FOLDER, { backend });
  assertEquals(model.parameterCount, 4665984);
  const meanLoss = async (ids: number[]) => {
    const loss = model.loss(ids);
    const value = await scalar(loss);
    loss.dispose();
    return value;
  };
  // "But, soft! what light through yonder window breaks?"
  const line = [450, 12, 366, 70, 84, 1, 436, 358, 351, 285, 82, 765, 283, 501, 273, 264, 509, 300, 755, 573, 83, 31];
  assert(await meanLoss(line) < 3.5);
  assert(await meanLoss(line.toReversed()) > Math.log(1024));
  model.dispose();
});

/** The result of PyTorch with the weights before they were rounded. */
interface Parity {
  readonly validation: { readonly windows: number; readonly mean_cross_entropy: number };
  readonly prompts: readonly { readonly token_ids: number[]; readonly greedy_ids: number[] }[];
}

forEachEngine((name, create) => {
  if (name !== "wasm") return;
  goldenTest(
    "the demo's model loses less than 0.001 nats by its rounding, and no greedy token",
    () => checkRounding(create),
    isBrief,
  );
});

async function checkRounding(create: () => Promise<Backend>): Promise<void> {
  const backend = await create();
  const model = await Andromeda.load(FOLDER, { backend });
  const { validation, prompts } = await readGoldenJson<Parity>("checkpoint/parity.json");
  const tensors = await readSafetensors(goldenUrl("checkpoint/parity.safetensors"));
  const tokens = idsOf(tensors.get("val_tokens")!);
  let sum = 0;
  for (let window = 0; window < validation.windows; window++) {
    const loss = model.loss(tokens.subarray(window * 256, (window + 1) * 256));
    sum += await scalar(loss);
    loss.dispose();
  }
  const lost = sum / validation.windows - validation.mean_cross_entropy;
  assert(Math.abs(lost) < 1e-3, `${lost} nats`);
  for (const { token_ids, greedy_ids } of prompts) {
    const made = await Array.fromAsync(
      model.generate(token_ids, { maxNewTokens: greedy_ids.length, temperature: 0 }),
    );
    assertEquals(made, greedy_ids);
  }
  model.dispose();
  backend.dispose();
}
