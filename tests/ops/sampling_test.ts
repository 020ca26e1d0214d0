import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Backend, type LogitsFilter, LOWEST } from "../../backend.ts";
import * as reference from "../../engine/reference/sampling.ts";
import { softmaxRow } from "../../engine/reference/softmax.ts";
import { rowOf } from "../../engine/reference/values.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, check, compute, type HostValues, RandomValues, seeds, widths } from "../support/ops.ts";

const rows = fc.constantFrom(0, 1, 2, 3, 7);
const vocabulary = fc.oneof(widths, fc.constantFrom(1000, 4099));

engineTest("repetitionPenalty agrees with its oracle", async (backend) => {
  const options = { k: fc.constantFrom(0, 1, 5, 40), penalty: fc.constantFrom(0.7, 1, 1.2, 3) };
  await check(backend, { rows, tokens: vocabulary, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const logits = random.normal([c.rows, c.tokens], 3);
    if (logits.data.length > 0) logits.data[0] = LOWEST;
    const history = random.integers([c.rows, c.k], -1, c.tokens - 1);
    const actual = await compute(
      backend,
      { logits, history },
      ({ logits, history }) => backend.repetitionPenalty(logits, history, c.penalty),
    );
    assertClose(actual, reference.repetitionPenalty(logits, history, c.penalty), 1e-6);
  });
});

async function filtered(backend: Backend, logits: HostValues, filter: LogitsFilter): Promise<void> {
  const actual = await compute(backend, { logits }, ({ logits }) => backend.filterLogits(logits, filter));
  assertClose(actual, reference.filterLogits(logits, filter), 0);
}

engineTest("filterLogits agrees with its oracle", async (backend) => {
  const none = fc.constant(undefined);
  const options = {
    topK: fc.oneof(none, fc.constantFrom(1, 2, 3, 40, 100_000)),
    topP: fc.oneof(none, fc.constantFrom(0.0123, 0.3377, 0.7071, 0.9511, 1)),
    minP: fc.oneof(none, fc.constantFrom(0, 0.0101, 0.3033, 1)),
    topA: fc.oneof(none, fc.constant({ power: 2, ratio: 0.02 }), fc.constant({ power: 0.5, ratio: 0.7 })),
    deviation: fc.constantFrom(0.1, 1, 5),
    hidden: fc.constantFrom(0, 0.5, 1),
  };
  await check(backend, { rows, tokens: vocabulary, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const logits = random.normal([c.rows, c.tokens], c.deviation);
    logits.data.forEach((logit, i) => logits.data[i] = random.next() < c.hidden ? LOWEST : logit);
    const { topK, topP, minP, topA } = c;
    await filtered(backend, logits, { topK, topP, minP, topA });
  }, 150);
});

engineTest("filterLogits gives equal logits to the lower ids", async (backend) => {
  await check(backend, { tokens: vocabulary, levels: fc.integer({ min: 1, max: 5 }), seed: seeds }, async (c) => {
    const logits = new RandomValues(c.seed).integers([2, c.tokens], -c.levels, c.levels);
    const values = { shape: logits.shape, data: Float32Array.from(logits.data) };
    await filtered(backend, values, { topK: Math.ceil(c.tokens / 3) });
    await filtered(backend, values, { topP: 0.6180339 });
    await filtered(backend, values, { topK: Math.ceil(c.tokens / 2), topP: 0.6180339 });
    await filtered(backend, values, { minP: 1 });
  });
});

engineTest("filterLogits takes a vocabulary of 50,432", async (backend) => {
  const logits = new RandomValues(6).normal([2, 50_432], 2);
  await filtered(backend, logits, { topK: 50 });
  await filtered(backend, logits, { topP: 0.9123 });
  await filtered(backend, logits, { topK: 1000, topP: 0.9123, minP: 0.0123, topA: { power: 2, ratio: 0.02 } });
});

engineTest("sample draws the tokens of its definition", async (backend) => {
  const options = {
    temperature: fc.constantFrom(0, 1e-3, 0.7, 1, 1.3, 50),
    hidden: fc.constantFrom(0, 0.9, 1),
    counter: fc.nat(),
    streamSeed: fc.nat({ max: 2 ** 32 - 1 }),
  };
  await check(backend, { rows, tokens: vocabulary, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const logits = random.normal([c.rows, c.tokens], 2);
    logits.data.forEach((logit, i) => logits.data[i] = random.next() < c.hidden ? LOWEST : logit);
    const draw = { temperature: c.temperature, seed: c.streamSeed, counter: c.counter };
    const actual = await compute(backend, { logits }, ({ logits }) => backend.sample(logits, draw));
    assertClose(actual, reference.sample(logits, draw), 0);
  }, 150);
});

engineTest("sample takes the lowest id among equals at temperature 0", async (backend) => {
  const logits = {
    shape: [2, 9],
    data: Float32Array.of(0, 1, 3, 3, 2, 3, 0, 0, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1),
  };
  const draw = { temperature: 0, seed: 1, counter: 1 };
  const actual = await compute(backend, { logits }, ({ logits }) => backend.sample(logits, draw));
  assertEquals([...actual.data], [2, 0]);
});

/** Pearson's χ² of counts against probabilities, in standard deviations from its mean (its degrees of freedom). */
function deviations(counts: readonly number[], probabilities: readonly number[]): number {
  const draws = counts.reduce((total, count) => total + count, 0);
  let [statistic, freedom] = [0, -1];
  for (const [i, p] of probabilities.entries()) {
    if (p === 0) assertEquals(counts[i], 0, `token ${i} has no probability`);
    else {
      statistic += ((counts[i] ?? 0) - draws * p) ** 2 / (draws * p);
      freedom += 1;
    }
  }
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

engineTest("sample draws from softmax(logits / temperature)", async (backend) => {
  const [draws, tokens] = [4000, 11];
  const one = new RandomValues(7).normal([tokens], 1.5);
  one.data[3] = LOWEST;
  const logits = {
    shape: [draws, tokens],
    data: Float32Array.from({ length: draws * tokens }, (_, i) => one.data[i % tokens] ?? 0),
  };
  for (const temperature of [0.5, 1, 2]) {
    const probabilities = softmaxRow(Array.from(one.data, (logit) => logit <= LOWEST ? LOWEST : logit / temperature));
    const counts = new Array<number>(tokens).fill(0);
    for (let counter = 0; counter < 5; counter++) {
      const draw = { temperature, seed: 42, counter };
      const drawn = await compute(backend, { logits }, ({ logits }) => backend.sample(logits, draw));
      for (const token of Array.from(drawn.data)) counts[token] = (counts[token] ?? 0) + 1;
    }
    const off = deviations(counts, probabilities);
    assert(Math.abs(off) < 4, `χ² is ${off} standard deviations off at temperature ${temperature}`);
  }
});

engineTest("acceptDraft agrees with its oracle", async (backend) => {
  const options = { g: fc.constantFrom(0, 1, 2, 4, 7), distance: fc.constantFrom(0, 0.3, 2), counter: fc.nat() };
  await check(backend, { tokens: vocabulary, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const target = random.normal([c.g + 1, c.tokens], 2);
    const draft = { shape: [c.g, c.tokens], data: target.data.slice(0, c.g * c.tokens) };
    const noise = random.normal(draft.shape, c.distance);
    draft.data.forEach((logit, i) => draft.data[i] = logit + (noise.data[i] ?? 0));
    const drawn = reference.sample(draft, { temperature: 1, seed: c.seed, counter: 5 });
    const ids = { shape: [c.g], data: Int32Array.from(drawn.data) };
    const draw = { seed: c.seed, counter: c.counter };
    const actual = await compute(
      backend,
      { target, draft, ids },
      ({ target, draft, ids }) => backend.acceptDraft(target, draft, ids, draw),
    );
    assertClose(actual, reference.acceptDraft(target, draft, ids, draw), 0);
  }, 100);
});

engineTest("speculative decoding draws from the target's distribution", async (backend) => {
  const [tokens, draws] = [7, 1500];
  const random = new RandomValues(8);
  const [target, draft] = [random.normal([2, tokens], 1.2), random.normal([1, tokens], 1.2)];
  target.data[2] = LOWEST;
  draft.data[4] = LOWEST;
  const counts = new Array<number>(tokens).fill(0);
  const [wanted, guessed] = [backend.tensor(target.data, target.shape), backend.tensor(draft.data, draft.shape)];
  // All steps are recorded before the first is read: a device need not wait for any.
  const steps = Array.from({ length: draws }, (_, counter) =>
    backend.scope(() => {
      const token = backend.sample(guessed, { seed: 3, counter, temperature: 1 });
      return [token, backend.acceptDraft(wanted, guessed, token, { seed: 3, counter })] as const;
    }));
  const drawn = await Promise.all(steps.map(async ([drafted, accepted]) => {
    const [[id = 0], [count = 0, next = 0]] = await Promise.all([drafted.data(), accepted.data()]);
    drafted.dispose();
    accepted.dispose();
    return count > 0 ? id : next;
  }));
  for (const token of drawn) counts[token] = (counts[token] ?? 0) + 1;
  wanted.dispose();
  guessed.dispose();
  const off = deviations(counts, softmaxRow(rowOf(target, 0)));
  assert(Math.abs(off) < 4, `χ² is ${off} standard deviations off`);
});
