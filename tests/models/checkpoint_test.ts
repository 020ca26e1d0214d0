/** The trained checkpoint: its cross entropy on the validation text is PyTorch's. */

import { assert } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { readSafetensors } from "../../mod.ts";
import { scalar } from "../../models/model.ts";
import { idsOf, loadCheckpoint } from "../support/cases.ts";
import { forEachEngine, isBrief, isLeftOut } from "../support/engines.ts";
import { goldenTest, goldenUrl, readGoldenJson } from "../support/golden.ts";

const WINDOW = 256;

/** Mean cross entropy over the first windows of the validation tokens. */
async function crossEntropy(backend: Backend, windows: number): Promise<number> {
  const model = await loadCheckpoint(backend);
  const tensors = await readSafetensors(goldenUrl("checkpoint/parity.safetensors"));
  const tokens = idsOf(tensors.get("val_tokens")!);
  const rows = Array.from({ length: windows }, (_, i) => [...tokens.subarray(i * WINDOW, (i + 1) * WINDOW)]);
  let sum = 0;
  for (let i = 0; i < windows; i += 8) {
    const batch = rows.slice(i, i + 8);
    const loss = model.loss(batch);
    sum += await scalar(loss) * batch.length;
    loss.dispose();
  }
  model.dispose();
  return sum / windows;
}

forEachEngine((name, create, isAvailable) => {
  if (!isAvailable) return;
  goldenTest(`${name}: cross entropy over the first 2,040 predictions`, async () => {
    const backend = await create();
    const mean = await crossEntropy(backend, 8);
    backend.dispose();
    assert(Math.abs(mean - 2.8448156597384737) < 1e-4, `${mean}`);
  }, isLeftOut(name, "slow"));
});

forEachEngine((name, create) => {
  if (name === "wasm") goldenTest("cross entropy over 20,400 predictions", () => checkAllWindows(create), isBrief);
});

async function checkAllWindows(create: () => Promise<Backend>): Promise<void> {
  const parity = await readGoldenJson<{ validation: { windows: number; mean_cross_entropy: number } }>(
    "checkpoint/parity.json",
  );
  const backend = await create();
  const mean = await crossEntropy(backend, parity.validation.windows);
  backend.dispose();
  assert(Math.abs(mean - parity.validation.mean_cross_entropy) < 1e-3, `${mean}`);
}
