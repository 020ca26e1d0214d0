/** Generations that run at the same time on one engine never mix: each gives what it gives alone. */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../mod.ts";
import { Transformer } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { cached, text, uncached } from "./models.ts";

const base = { numTokens: 50, maxSeqLen: 40, dim: 32, depth: 2, heads: 4, dimHead: 32, useAbsPosEmb: false };

/** Work on a model: each begins anew, and gives tokens or numbers. */
type Work = (model: Transformer) => Promise<unknown>;

const draws = { maxNewTokens: 9, temperature: 1, topK: 20 };

const WORKS: readonly Work[] = [
  (model) => Array.fromAsync(model.generate(text(6), { maxNewTokens: 12, temperature: 0 })),
  (model) => Array.fromAsync(model.generate(text(3), { ...draws, seed: 1 })),
  (model) =>
    Array.fromAsync(model.generate(text(9), { ...draws, seed: 2, repetitionPenalty: 1.3, cacheDtype: "q8_0" })),
  // The model whose values can't be kept refuses a draft.
  (model) => Array.fromAsync(model.generate(text(5), { ...draws, seed: 3, draft: model })).catch(String),
  (model) => model.generateBatch([text(4), text(7), text(2)], { ...draws, seed: 4 }),
  (model) => model.scoreBatch([text(8), text(8).toReversed()]),
  async (model) => {
    const session = model.session();
    try {
      await session.append(text(4));
      const first = await Array.fromAsync(session.generate({ ...draws, seed: 5 }));
      await session.append([7, 8]);
      return [first, await Array.fromAsync(session.generate({ ...draws, seed: 6 }))];
    } finally {
      session.dispose();
    }
  },
  // One that fails and one that is left in the middle take nothing from the others.
  (model) =>
    Array.fromAsync(model.generate(text(4), { ...draws, seed: 7, signal: AbortSignal.abort("enough") })).catch(String),
  async (model) => {
    const generator = model.generate(text(4), { ...draws, seed: 8 });
    const { value } = await generator.next();
    await generator.return(undefined);
    return value;
  },
];

async function models(backend: Backend): Promise<Transformer[]> {
  const configs = [cached["ALiBi and xPos with QK norm"]!, uncached["zeta's rotated values with xPos"]!];
  return await Promise.all(
    configs.map((config, seed) => Transformer.create({ ...base, ...config }, { backend, seed })),
  );
}

engineTest("generations, batches and sessions at the same time give what each gives alone", async (backend) => {
  const made = await models(backend);
  const all = made.flatMap((model) => WORKS.map((work) => () => work(model)));
  const alone: unknown[] = [];
  for (const work of all) alone.push(await work());
  for (const order of [all.keys().toArray(), all.keys().toArray().reverse()]) {
    const together = await Promise.all(order.map((i) => all[i]!()));
    assertEquals(together, order.map((i) => alone[i]));
  }
  for (const model of made) model.dispose();
}, "slow");

engineTest("a model that is disposed of takes nothing from generations of another one", async (backend) => {
  const [staying, going] = await models(backend) as [Transformer, Transformer];
  const expected = await WORKS[0]!(staying);
  const dropped = going.generate(text(6), { maxNewTokens: 20 });
  await dropped.next();
  const running = WORKS[0]!(staying);
  going.dispose();
  assertEquals(await running, expected);
  await dropped.return(undefined);
  staying.dispose();
});
