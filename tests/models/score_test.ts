import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { ConfigError, loadLanguageModel, readSafetensors, ShapeError, Transformer } from "../../mod.ts";
import { rowsOf } from "../support/cases.ts";
import { engineTest } from "../support/engines.ts";
import { goldenFolders, goldenUrl, readGoldenJson } from "../support/golden.ts";

/** log softmax(logits)[target] in float64, of logits row by row. */
function expectedOf(logits: ArrayLike<number>, numTokens: number, targets: readonly number[]): number[] {
  return targets.map((target, i) => {
    const row = Array.from({ length: numTokens }, (_, k) => logits[i * numTokens + k]!);
    const largest = row.reduce((most, value) => Math.max(most, value), -Infinity);
    return row[target]! - largest - Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  });
}

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assertEquals(found.length, expected.length);
  const worst = Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
  assert(worst <= tolerance, `off by ${worst}`);
}

const present = (await goldenFolders("families/")).filter((name) => ["llama-gqa-tied", "gpt2-plain"].includes(name));

for (const name of present) {
  engineTest(`scores of ${name} are PyTorch's log softmax at the next tokens`, async (backend) => {
    const io = await readSafetensors(goldenUrl(`families/${name}/io.safetensors`));
    const config = await readGoldenJson<Record<string, unknown>>(`families/${name}/config.json`);
    const weights = goldenUrl(`families/${name}/model.safetensors`);
    const model = await loadLanguageModel({ config, weights }, { backend });
    const rows = rowsOf(io.get("input_ids")!);
    const [, n, numTokens] = io.get("logits")!.shape as [number, number, number];
    const logits = io.get("logits")!.values();
    const scores = await model.scoreBatch(rows);
    for (const [i, row] of rows.entries()) {
      const own = logits.subarray(i * n * numTokens, (i + 1) * n * numTokens);
      assertNear(scores[i]!, expectedOf(own, numTokens, row.slice(1)), 1e-4);
    }
    model.dispose();
  });
}

const small = { maxSeqLen: 64, dim: 32, depth: 1, heads: 1, dimHead: 16 };

async function logitsOf(model: Transformer, row: readonly number[]): Promise<Float32Array> {
  const logits = model.forward(row);
  const values = Float32Array.from(await logits.data());
  logits.dispose();
  return values;
}

async function around(backend: Backend, numTokens: number, run: (model: Transformer) => Promise<void>): Promise<void> {
  const model = await Transformer.create({ numTokens, ...small }, { backend, seed: 3 });
  await run(model).finally(() => model.dispose());
}

engineTest(
  "a batch of texts of any lengths gets the scores of each alone, and minus their mean is the loss",
  (backend) =>
    around(backend, 50, async (model) => {
      const texts = [[1, 2, 3, 4, 5, 6, 7], [9, 8], [10, 11, 12, 13], Array.from({ length: 65 }, (_, i) => i % 50)];
      const scores = await model.scoreBatch(texts);
      for (const [i, text] of texts.entries()) {
        const alone = await model.score(text);
        assertEquals(alone.length, text.length - 1);
        assertNear(scores[i]!, alone, 1e-5);
        const loss = model.loss(text);
        assertNear(await loss.data(), [-alone.reduce((sum, value) => sum + value, 0) / alone.length], 1e-5);
        loss.dispose();
      }
      assertEquals(await model.scoreBatch([]), []);
      const padded = { inputIds: Int32Array.of(0, 0, 1, 2, 3, 4), attentionMask: Int32Array.of(0, 0, 1, 1, 1, 1) };
      const batch = await model.scoreBatch({ ...padded, shape: [1, 6] });
      assertNear(batch[0]!, await model.score([1, 2, 3, 4]), 1e-5);
    }),
);

engineTest("logits of a score are made a part at a time", (backend) =>
  around(backend, 200_000, async (model) => {
    const text = Array.from({ length: 60 }, (_, i) => (i * 7919) % 200_000);
    const parts = await logitsOf(model, text.slice(0, 10));
    const score = await model.score(text);
    assertNear(score.subarray(0, 9), expectedOf(parts, 200_000, text.slice(1, 10)), 1e-4);
    assert(score.every((value) => value < 0 && Number.isFinite(value)));
  }));

engineTest("texts that can't be scored are refused by name", (backend) =>
  around(backend, 50, async (model) => {
    await assertRejects(() => model.score([1]), ShapeError, "Cannot score row 0 of 1 tokens");
    await assertRejects(() => model.score([]), ShapeError, "Cannot score an empty prompt");
    await assertRejects(() => model.score([[1, 2], [3, 4]]), ShapeError, "use scoreBatch");
    await assertRejects(() => model.score(Array(66).fill(1)), ShapeError, "maxSeqLen + 1 = 65");
    await assertRejects(() => model.score([1, 50]), ConfigError, "token id 50");
    const options = { temperature: 1 } as Record<string, unknown>;
    await assertRejects(() => model.score([1, 2], options), ConfigError, "temperature");
  }));
