import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import { LOWEST, NOTHING_DRAWN } from "../../backend/operations.ts";
import type { LogitsFilter } from "../../backend/operations/sampling.ts";
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
    temperature: fc.constantFrom(0, 1e-320, 1e-3, 0.7, 1, 1.3, 50, 1e38, Infinity),
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
  const options = {
    g: fc.constantFrom(0, 1, 2, 4, 7),
    distance: fc.constantFrom(0, 0.3, 2),
    temperature: fc.constantFrom(1e-3, 0.7, 1, 50, Infinity),
    counter: fc.nat(),
  };
  await check(backend, { tokens: vocabulary, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const target = random.normal([c.g + 1, c.tokens], 2);
    const draft = { shape: [c.g, c.tokens], data: target.data.slice(0, c.g * c.tokens) };
    const noise = random.normal(draft.shape, c.distance);
    draft.data.forEach((logit, i) => draft.data[i] = logit + (noise.data[i] ?? 0));
    const drawn = reference.sample(draft, { temperature: c.temperature, seed: c.seed, counter: 5 });
    const ids = { shape: [c.g], data: Int32Array.from(drawn.data) };
    const draw = { temperature: c.temperature, seed: c.seed, counter: c.counter };
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
      return [token, backend.acceptDraft(wanted, guessed, token, { seed: 3, counter, temperature: 1 })] as const;
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

/** A row of logits with other values at some places. */
function rowWith(width: number, places: Record<number, number>, seed = 3): number[] {
  const row: number[] = Array.from(new RandomValues(seed).normal([width], 2).data);
  for (const [token, logit] of Object.entries(places)) row[Number(token)] = logit;
  return row;
}

const TEMPERATURES = [0, 1e-3, 1, Infinity];

/** Tokens that are drawn of rows of logits at several temperatures and counters. */
async function drawn(backend: Backend, rows: readonly number[][], temperature: number): Promise<number[][]> {
  const logits = { shape: [rows.length, rows[0]!.length], data: Float32Array.from(rows.flat()) };
  const draws: number[][] = [];
  for (let counter = 0; counter < 8; counter++) {
    const draw = { temperature, seed: 5, counter };
    const tokens = await compute(backend, { logits }, ({ logits }) => backend.sample(logits, draw));
    assertClose(tokens, reference.sample(logits, draw), 0);
    draws.push([...tokens.data]);
  }
  return draws;
}

engineTest("sample takes a logit of infinity, and of several each alike", async (backend) => {
  for (const width of [5, 300]) {
    const rows = [rowWith(width, { 3: Infinity }), rowWith(width, { 1: Infinity, 2: -Infinity, 4: Infinity })];
    for (const temperature of TEMPERATURES) {
      const draws = await drawn(backend, rows, temperature);
      assertEquals(new Set(draws.map(([one]) => one)), new Set([3]));
      assertEquals(new Set(draws.map(([, two]) => two)), new Set(temperature === 0 ? [1] : [1, 4]));
    }
  }
});

engineTest("sample says so where nothing can be drawn: a NaN anywhere, or only hidden logits", async (backend) => {
  for (const width of [5, 300]) {
    const rows = [
      rowWith(width, { 0: NaN }),
      rowWith(width, { [width - 1]: NaN, 2: Infinity }),
      Array<number>(width).fill(NaN),
      Array<number>(width).fill(-Infinity),
      Array<number>(width).fill(LOWEST),
      rowWith(width, { 1: -Infinity, 2: 1e4 }),
    ];
    for (const temperature of TEMPERATURES.slice(0, 3)) {
      for (const draws of await drawn(backend, rows, temperature)) {
        assertEquals(draws, [...Array<number>(5).fill(NOTHING_DRAWN), 2]);
      }
    }
  }
});

engineTest("sample draws evenly at infinite temperature", async (backend) => {
  const tokens = 7;
  const row = rowWith(tokens, { 2: 1e30, 5: LOWEST, 6: -1e30 });
  const logits = { shape: [3000, tokens], data: Float32Array.from(Array<number[]>(3000).fill(row).flat()) };
  const draw = { temperature: Infinity, seed: 6, counter: 0 };
  const drawn = await compute(backend, { logits }, ({ logits }) => backend.sample(logits, draw));
  const counts = row.map((_, token) => drawn.data.filter((each) => each === token).length);
  const off = deviations(counts, row.map((logit) => logit === LOWEST ? 0 : 1 / 6));
  assert(Math.abs(off) < 4, `χ² is ${off} standard deviations off`);
});

engineTest("filterLogits keeps logits of infinity, and leaves rows with a NaN as they are", async (backend) => {
  const filters: LogitsFilter[] = [{ topK: 2 }, { topP: 0.3 }, { topP: 0.9 }, { minP: 0.1 }, {
    topA: { power: 2, ratio: 0.02 },
  }, { topK: 3, topP: 0.8, minP: 0.2 }];
  for (const width of [6, 300]) {
    const rows = [
      rowWith(width, { 3: Infinity }),
      rowWith(width, { 1: Infinity, 2: -Infinity, 4: Infinity, 5: Infinity }),
      rowWith(width, { 2: -Infinity, 3: LOWEST }),
      rowWith(width, { 3: NaN, 4: Infinity }),
    ];
    const logits = { shape: [4, width], data: Float32Array.from(rows.flat()) };
    for (const filter of filters) {
      const actual = await compute(backend, { logits }, ({ logits }) => backend.filterLogits(logits, filter));
      const expected = reference.filterLogits(logits, filter);
      assertEquals([...actual.data].map(hidden), [...expected.data].map((value) => hidden(Math.fround(value))));
    }
  }
});

/** -∞ and LOWEST hide a logit alike. */
function hidden(logit: number): number {
  return logit <= LOWEST ? LOWEST : logit;
}

engineTest("acceptDraft takes logits of infinity, and says so where nothing can be drawn", async (backend) => {
  const width = 300;
  const [plain, broken, peak] = [rowWith(width, {}), rowWith(width, { 7: NaN }), rowWith(width, { 9: Infinity })];
  const none = Array<number>(width).fill(LOWEST);
  const cases: [target: number[][], draft: number[][], tokens: number[], expected: number[]][] = [
    [[peak, peak], [peak], [9], [1, 9]],
    [[peak, peak], [plain], [8], [0, 9]],
    [[broken, plain], [plain], [3], [0, NOTHING_DRAWN]],
    [[plain, plain], [broken], [3], [0, NOTHING_DRAWN]],
    [[plain, broken], [plain], [3], [1, NOTHING_DRAWN]],
    [[plain, none], [plain], [3], [1, NOTHING_DRAWN]],
    // Drafts after a rejection do not count.
    [[peak, broken], [plain], [8], [0, 9]],
  ];
  for (const [target, draft, tokens, expected] of cases) {
    const host = (rows: number[][]) => ({ shape: [rows.length, width], data: Float32Array.from(rows.flat()) });
    const ids = { shape: [tokens.length], data: Int32Array.from(tokens) };
    const draw = { temperature: 1, seed: 2, counter: 3 };
    const given = { target: host(target), draft: host(draft), ids };
    const actual = await compute(
      backend,
      given,
      ({ target, draft, ids }) => backend.acceptDraft(target, draft, ids, draw),
    );
    assertEquals([...actual.data], expected);
  }
});
