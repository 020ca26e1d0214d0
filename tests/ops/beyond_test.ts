/**
 * Ids, indices and positions outside of their tensor, made on the engine, where nothing can check them, have results
 * that are defined and the same on every engine.
 */

import { assertEquals } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { appendCache } from "../../engine/reference/attention.ts";
import * as linear from "../../engine/reference/linear.ts";
import * as sampling from "../../engine/reference/sampling.ts";
import { gatherRows } from "../../engine/reference/sequence.ts";
import { crossEntropy } from "../../engine/reference/softmax.ts";
import { stored } from "../../engine/reference/stored.ts";
import { zeros } from "../../engine/reference/values.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, compute, RandomValues } from "../support/ops.ts";

const IDS = { shape: [9], data: Int32Array.of(0, 4, 5, 3, 100, -1, -(2 ** 31), 2 ** 31 - 1, 2) };

/** Memory that was used before, for kernels that read past an end or write nothing. */
async function leaveTraces(backend: Backend): Promise<void> {
  const old = Array.from({ length: 8 }, (_, i) => {
    const size = 64 * 2 ** i;
    return backend.tensor(new Float32Array(size).fill(42), [size]);
  });
  await old[0]?.data();
  for (const each of old) each.dispose();
}

engineTest("ids beyond a table are embedded as zeros", async (backend) => {
  const random = new RandomValues(1);
  for (const format of ["f32", "f16", "q8_0", "q4_0"] as const) {
    const values = random.normal([5, 40]);
    const weight = backend.weight([5, 40], format);
    backend.writeRows(weight, 0, values.data);
    await leaveTraces(backend);
    const actual = await compute(backend, { ids: IDS }, ({ ids }) => backend.embedding(ids, weight));
    assertClose(actual, linear.embedding(IDS, stored(values, format)), 0);
    weight.dispose();
  }
});

engineTest("rows beyond the last are gathered as zeros", async (backend) => {
  for (const width of [3, 8]) {
    const x = new RandomValues(width).normal([5, width]);
    await leaveTraces(backend);
    const actual = await compute(backend, { x, ids: IDS }, ({ x, ids }) => backend.gatherRows(x, ids));
    assertClose(actual, gatherRows(x, IDS), 0);
  }
});

engineTest("targets that are no tokens don't count", async (backend) => {
  const logits = new RandomValues(2).normal([9, 5]);
  const actual = await compute(backend, { logits, IDS }, ({ logits, IDS }) => backend.crossEntropy(logits, IDS, -100));
  assertClose(actual, crossEntropy(logits, IDS, -100), 1e-5);
});

engineTest("tokens of history that don't exist are not punished", async (backend) => {
  const logits = new RandomValues(3).normal([1, 5]);
  const history = { shape: [1, 9], data: IDS.data };
  const run = ({ logits, history }: { logits: Tensor; history: Tensor }) =>
    backend.repetitionPenalty(logits, history, 2);
  assertClose(await compute(backend, { logits, history }, run), sampling.repetitionPenalty(logits, history, 2), 1e-6);
});

engineTest("drafted ids that are no tokens are not accepted", async (backend) => {
  const random = new RandomValues(4);
  for (const id of [5, -1, 2 ** 30]) {
    const [target, draft] = [random.normal([4, 5]), random.normal([3, 5])];
    const tokens = { shape: [3], data: Int32Array.of(id, 1, 2) };
    const options = { temperature: 1, seed: 1, counter: 0 };
    const actual = await compute(
      backend,
      { target, draft, tokens },
      ({ target, draft, tokens }) => backend.acceptDraft(target, draft, tokens, options),
    );
    assertClose(actual, sampling.acceptDraft(target, draft, tokens, options), 0);
    assertEquals(actual.data[0], 0);
  }
});

engineTest("rows that are appended at negative positions are left out", async (backend) => {
  const random = new RandomValues(5);
  for (const format of ["f32", "f16", "q8_0"] as const) {
    const shape = [2, 1, 6, 32];
    const x = random.normal([2, 4, 32]);
    const positions = { shape: [2], data: Int32Array.of(-2, -(2 ** 31)) };
    const cache = backend.cache(shape, format);
    backend.scope(() => {
      backend.appendCache(cache, backend.tensor(x.data, x.shape), backend.tensor(positions.data, [2]));
    });
    const exact = appendCache(zeros(shape), x, positions);
    const values = { shape: [12, 32], data: Float32Array.from(exact.data) };
    assertClose({ shape: [12, 32], data: await cache.data() }, stored(values, format), 0);
    cache.dispose();
  }
});
