import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { AttentionOptions } from "../../backend/operations/attention.ts";
import * as reference from "../../engine/reference/attention.ts";
import { softmax } from "../../engine/reference/softmax.ts";
import type { Values } from "../../engine/reference/values.ts";
import { ConfigError } from "../../errors.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, check, compute, type HostValues, RandomValues, seeds } from "../support/ops.ts";

/** Sums of some hundred products of normal values divided by their number's root. */
const TOLERANCE = 1e-5;

const shapes = {
  b: fc.constantFrom(0, 1, 2, 3),
  n: fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 16, 33),
  m: fc.constantFrom(0, 1, 2, 5, 8, 13, 64, 65, 130),
  dim: fc.constantFrom(1, 3, 4, 7, 8, 16, 20, 32, 48, 64, 80, 128, 130),
  kvHeads: fc.constantFrom(1, 2, 3),
  group: fc.constantFrom(1, 2, 3, 4, 5, 12),
  seed: seeds,
};
const features = {
  isCausal: fc.boolean(),
  hasSlopes: fc.boolean(),
  hasMask: fc.boolean(),
  hasDecay: fc.boolean(),
  memory: fc.constantFrom(0, 0, 1, 3, 9),
};

interface Shape {
  readonly b: number;
  readonly dim: number;
  readonly kvHeads: number;
  readonly group: number;
}

interface Features {
  readonly isCausal: boolean;
  readonly hasSlopes: boolean;
  readonly hasMask: boolean;
  readonly hasDecay: boolean;
  readonly memory: number;
}

/** Optional inputs of attention over `keys` positions. */
function optionalInputs(random: RandomValues, c: Shape & Features, keys: number) {
  const slopes = c.hasSlopes ? random.normal([c.kvHeads * c.group], 0.1) : undefined;
  slopes?.data.forEach((slope, i) => slopes.data[i] = i % 3 === 2 ? 0 : Math.abs(slope));
  const decay = c.hasDecay ? random.normal([c.dim]) : undefined;
  decay?.data.forEach((value, i) => decay.data[i] = 0.3 + 0.7 / (1 + Math.exp(-value)));
  return {
    slopes,
    decay,
    mask: c.hasMask ? random.integers([c.b, keys], 0, 1) : undefined,
    memoryKeys: c.memory > 0 ? random.normal([c.kvHeads, c.memory, c.dim]) : undefined,
    memoryValues: c.memory > 0 ? random.normal([c.kvHeads, c.memory, c.dim]) : undefined,
  };
}

function settings(c: Shape & { readonly isCausal: boolean }) {
  return { heads: c.kvHeads * c.group, kvHeads: c.kvHeads, scale: 1.5 / Math.sqrt(c.dim), causal: c.isCausal };
}

/** Runs attention and both halves of the plain path on an engine and compares each with its oracle. */
async function compareAll(
  backend: Backend,
  inputs: { q: HostValues; k: HostValues; v: HostValues; [option: string]: HostValues | undefined },
  options: ReturnType<typeof settings>,
): Promise<void> {
  const { q, k, v, ...optional } = inputs;
  const expected: reference.AttentionCase = { ...options, ...optional };
  const attended = await compute(
    backend,
    inputs,
    ({ q, k, v, ...rest }) => backend.attention(q, k, v, { ...options, ...rest } as AttentionOptions),
  );
  assertClose(attended, reference.attention(q, k, v, expected), TOLERANCE);
  const scores = reference.attentionScores(q, k, expected);
  const computedScores = await compute(
    backend,
    inputs,
    ({ q, k, v: _v, ...rest }) => backend.attentionScores(q, k, { ...options, ...rest } as AttentionOptions),
  );
  assertClose(computedScores, scores, TOLERANCE);
  const weights = softmax(scores);
  const probabilities: HostValues = { shape: weights.shape, data: Float32Array.from(weights.data) };
  const { memoryValues } = optional;
  const values = await compute(
    backend,
    { probabilities, v, memoryValues },
    ({ probabilities, v, memoryValues }) => backend.attentionValues(probabilities, v, { ...options, memoryValues }),
  );
  assertClose(values, reference.attentionValues(probabilities, v, expected), TOLERANCE);
}

engineTest("attention agrees with its oracle, self and cross", async (backend) => {
  await check(backend, { ...shapes, ...features, isSelf: fc.boolean() }, async (c) => {
    const random = new RandomValues(c.seed);
    const m = c.isSelf ? c.n : c.m;
    const [heads, { kvHeads, dim }] = [c.kvHeads * c.group, c];
    const q = random.normal([c.b, c.n, heads * dim]);
    const [k, v] = [random.normal([c.b, m, kvHeads * dim]), random.normal([c.b, m, kvHeads * dim])];
    await compareAll(backend, { q, k, v, ...optionalInputs(random, c, m) }, settings(c));
  }, 150);
});

engineTest("attention agrees with its oracle at given positions", async (backend) => {
  await check(backend, { ...shapes, ...features }, async (c) => {
    const random = new RandomValues(c.seed);
    const [heads, { kvHeads, dim }] = [c.kvHeads * c.group, c];
    const q = random.normal([c.b, c.n, heads * dim]);
    const [k, v] = [random.normal([c.b, c.m, kvHeads * dim]), random.normal([c.b, c.m, kvHeads * dim])];
    const positions = random.integers([c.b], 0, c.m);
    await compareAll(backend, { q, k, v, positions, ...optionalInputs(random, c, c.m) }, settings(c));
  });
});

for (const dim of [64, 128, 80, 33]) {
  engineTest(`attention over several tiles and xPos blocks, width ${dim}`, async (backend) => {
    const random = new RandomValues(dim);
    const c = {
      b: 1,
      dim,
      kvHeads: 1,
      group: 2,
      isCausal: true,
      hasSlopes: true,
      hasMask: true,
      hasDecay: true,
      memory: 2,
    };
    for (const isCausal of [true, false]) {
      const q = random.normal([1, 90, 2 * dim]);
      const [k, v] = [random.normal([1, 700, dim]), random.normal([1, 700, dim])];
      const options = settings({ ...c, isCausal });
      const inputs = { q, k, v, ...optionalInputs(random, c, 700) };
      const actual = await compute(
        backend,
        inputs,
        ({ q, k, v, ...rest }) => backend.attention(q, k, v, { ...options, ...rest }),
      );
      const { q: _q, k: _k, v: _v, ...optional } = inputs;
      assertClose(actual, reference.attention(q, k, v, { ...options, ...optional }), TOLERANCE);
    }
  });
}

engineTest("attention with the widest heads, and none wider", async (backend) => {
  const random = new RandomValues(1);
  for (const n of [1, 3, 40]) {
    const c = { b: 1, dim: 1024, kvHeads: 1, group: 2, isCausal: false, hasSlopes: true, hasMask: true, memory: 1 };
    const q = random.normal([1, n, 2048]);
    const [k, v] = [random.normal([1, 70, 1024]), random.normal([1, 70, 1024])];
    await compareAll(backend, { q, k, v, ...optionalInputs(random, { ...c, hasDecay: true }, 70) }, settings(c));
  }
  const wide = backend.zeros([1, 2, 1028], "f32");
  const options = { heads: 1, kvHeads: 1, scale: 1, causal: true };
  assertThrows(() => backend.attention(wide, wide, wide, options), ConfigError, "heads of 1028 features");
  wide.dispose();
});

/** A cache on an engine and what it should hold. */
interface CachePair {
  readonly tensor: Tensor;
  expected: Values;
}

function append(backend: Backend, cache: CachePair, x: HostValues, positions: HostValues, lengths?: HostValues): void {
  backend.scope(() => {
    const [rows, starts] = [backend.tensor(x.data, x.shape), backend.tensor(positions.data, positions.shape)];
    backend.appendCache(cache.tensor, rows, starts, lengths && backend.tensor(lengths.data, lengths.shape));
  });
  cache.expected = reference.appendCache(cache.expected, x, positions, lengths);
}

function makeCache(backend: Backend, shape: number[]): CachePair {
  const size = shape.reduce((product, length) => product * length, 1);
  return { tensor: backend.cache(shape), expected: { shape, data: new Float64Array(size) } };
}

engineTest("appendCache agrees with its oracle", async (backend) => {
  const capacity = fc.constantFrom(1, 3, 8, 33);
  await check(backend, { ...shapes, capacity, hasLengths: fc.boolean() }, async (c) => {
    const random = new RandomValues(c.seed);
    const n = Math.min(c.n, c.capacity);
    const cache = makeCache(backend, [c.b, c.kvHeads, c.capacity, c.dim]);
    for (let step = 0; step < 2; step++) {
      const x = random.normal([c.b, n, c.kvHeads * c.dim]);
      const positions = random.integers([c.b], 0, 3 * c.capacity);
      append(backend, cache, x, positions, c.hasLengths ? random.integers([c.b], 0, n) : undefined);
    }
    assertClose({ shape: cache.tensor.shape, data: await cache.tensor.data() }, cache.expected, 0);
    cache.tensor.dispose();
  });
});

engineTest("attention over caches agrees with its oracle, full ones and rows of different lengths", async (backend) => {
  const options = { capacity: fc.constantFrom(4, 7, 16, 33), steps: fc.integer({ min: 1, max: 5 }) };
  await check(backend, { ...shapes, ...features, ...options }, async (c) => {
    const random = new RandomValues(c.seed);
    const [heads, { kvHeads, dim, capacity, b }] = [c.kvHeads * c.group, c];
    const [keys, values] = [0, 1].map(() => makeCache(backend, [b, kvHeads, capacity, dim])) as [CachePair, CachePair];
    const positions = random.integers([b], 0, 1);
    for (const cache of [keys, values]) {
      append(backend, cache, random.normal([b, 1, kvHeads * dim]), { shape: [b], data: new Int32Array(b) });
    }
    for (let step = 0; step < c.steps; step++) {
      const n = random.integer(1, Math.min(5, capacity));
      for (const cache of [keys, values]) append(backend, cache, random.normal([b, n, kvHeads * dim]), positions);
      const { mask, ...optional } = optionalInputs(random, c, capacity);
      const isUnwrapped = positions.data.every((first) => first + n <= capacity);
      const inputs = {
        q: random.normal([b, n, heads * dim]),
        positions,
        ...optional,
        mask: isUnwrapped ? mask : undefined,
      };
      const actual = await compute(
        backend,
        inputs,
        ({ q, ...rest }) => backend.attention(q, keys.tensor, values.tensor, { ...settings(c), ...rest }),
      );
      const { q, ...rest } = inputs;
      const expected = { ...settings(c), ...rest };
      assertClose(actual, reference.attention(q, keys.expected, values.expected, expected), TOLERANCE);
      const scores = await compute(
        backend,
        inputs,
        ({ q, ...rest }) => backend.attentionScores(q, keys.tensor, { ...settings(c), ...rest }),
      );
      assertClose(scores, reference.attentionScores(q, keys.expected, expected), TOLERANCE);
      positions.data.forEach((first, row) => positions.data[row] = first + n);
    }
    for (const cache of [keys, values]) cache.tensor.dispose();
  });
});

engineTest("attention decodes one token over a long cache with xPos blocks", async (backend) => {
  const random = new RandomValues(9);
  const c = {
    b: 1,
    dim: 64,
    kvHeads: 2,
    group: 6,
    isCausal: true,
    hasSlopes: true,
    hasMask: false,
    hasDecay: true,
    memory: 0,
  };
  const capacity = 1500;
  const [keys, values] = [0, 1].map(() => makeCache(backend, [1, 2, capacity, 64])) as [CachePair, CachePair];
  const start = { shape: [1], data: Int32Array.of(200) };
  for (const cache of [keys, values]) append(backend, cache, random.normal([1, capacity, 128]), start);
  for (const n of [1, 2, 4]) {
    const positions = { shape: [1], data: Int32Array.of(1700 - n) };
    const inputs = { q: random.normal([1, n, 768]), positions, ...optionalInputs(random, c, capacity) };
    const actual = await compute(
      backend,
      inputs,
      ({ q, ...rest }) => backend.attention(q, keys.tensor, values.tensor, { ...settings(c), ...rest }),
    );
    const { q, ...rest } = inputs;
    const expected = reference.attention(q, keys.expected, values.expected, { ...settings(c), ...rest });
    assertClose(actual, expected, TOLERANCE);
  }
  for (const cache of [keys, values]) cache.tensor.dispose();
});

engineTest("attention gives NaN to every query that sees a NaN, and to no other", async (backend) => {
  const lengths = { n: fc.constantFrom(1, 2, 3, 9, 40), m: fc.constantFrom(1, 3, 40, 70, 1100) };
  const where = { group: fc.constantFrom(1, 2, 4), place: fc.double({ min: 0, max: 0.999, noNaN: true }) };
  const given = { isCausal: fc.boolean(), hasSlopes: fc.boolean(), hasMask: fc.boolean(), isQuery: fc.boolean() };
  await check(backend, { ...lengths, ...where, ...given, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const [b, kvHeads, dim] = [2, 2, 16];
    const m = Math.max(c.m, c.n);
    const q = random.normal([b, c.n, kvHeads * c.group * dim]);
    const [k, v] = [random.normal([b, m, kvHeads * dim]), random.normal([b, m, kvHeads * dim])];
    const spoiled = c.isQuery ? q : k;
    // All bits set: what many files and programs have for NaN.
    new Uint32Array(spoiled.data.buffer)[Math.floor(c.place * spoiled.data.length)] = 0xffffffff;
    const options = settings({ b, dim, kvHeads, group: c.group, isCausal: c.isCausal });
    const slopes = c.hasSlopes ? random.normal([options.heads], 0.1) : undefined;
    const mask = c.hasMask ? random.integers([b, m], 0, 1) : undefined;
    const actual = await compute(
      backend,
      { q, k, v, slopes, mask },
      ({ q, k, v, ...rest }) => backend.attention(q, k, v, { ...options, ...rest }),
    );
    const expected = reference.attention(q, k, v, { ...options, slopes, mask });
    const isNumber = (_: number, i: number) => !Number.isNaN(expected.data[i]);
    const wrong = expected.data.findIndex((value, i) => Number.isNaN(value) !== Number.isNaN(actual.data[i]));
    assertEquals(wrong, -1, `element ${wrong} is ${actual.data[wrong]}, expected ${expected.data[wrong]}`);
    const numbers = (data: ArrayLike<number>) => ({ shape: [], data: Array.from(data).filter(isNumber) });
    assertClose(numbers(actual.data), numbers(expected.data), TOLERANCE);
  }, 30);
}, "slow");
