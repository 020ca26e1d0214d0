/** Caches in f16 and q8_0: values are converted as the formats say, and attention reads exactly those. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import * as reference from "../../engine/reference/attention.ts";
import { softmax } from "../../engine/reference/softmax.ts";
import { stored } from "../../engine/reference/stored.ts";
import type { Values } from "../../engine/reference/values.ts";
import {
  type AttentionOptions,
  type Backend,
  type CacheFormat,
  ConfigError,
  ShapeError,
  type Tensor,
} from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, check, compute, type HostValues, RandomValues, seeds } from "../support/ops.ts";

/** Sums of some hundred products of normal values divided by their number's root. */
const TOLERANCE = 1e-5;

/** The formats beside f32, which every other test of caches is about. */
const FORMATS = ["f16", "q8_0"] as const;

/** A cache on an engine, and the values that it should hold. */
class CachePair {
  readonly tensor: Tensor;
  expected: Values;
  readonly #format: CacheFormat;

  constructor(readonly backend: Backend, shape: number[], format: CacheFormat) {
    this.tensor = backend.cache(shape, format);
    this.expected = { shape, data: new Float64Array(shape.reduce((product, length) => product * length, 1)) };
    this.#format = format;
  }

  append(x: HostValues, positions: HostValues, lengths?: HostValues): void {
    const { backend, tensor } = this;
    backend.scope(() => {
      const [rows, starts] = [backend.tensor(x.data, x.shape), backend.tensor(positions.data, positions.shape)];
      backend.appendCache(tensor, rows, starts, lengths && backend.tensor(lengths.data, lengths.shape));
    });
    const values = stored(x, this.#format, tensor.shape[3]!);
    this.expected = reference.appendCache(this.expected, values, positions, lengths);
  }
}

const widths = { f16: [1, 3, 4, 7, 8, 20, 32, 64, 80, 128, 130], q8_0: [32, 64, 96, 128] } as const;

/** The GPU reads four features at a time. */
function shapes(backend: Backend, format: "f16" | "q8_0") {
  const isVector = backend.name === "webgpu";
  return {
    b: fc.constantFrom(1, 2, 3),
    dim: fc.constantFrom<number>(...widths[format].filter((width) => !isVector || width % 4 === 0)),
    kvHeads: fc.constantFrom(1, 2, 3),
    group: fc.constantFrom(1, 2, 3, 12),
    capacity: fc.constantFrom(1, 4, 7, 33, 80),
    seed: seeds,
  };
}

const features = {
  steps: fc.integer({ min: 1, max: 5 }),
  isCausal: fc.boolean(),
  hasSlopes: fc.boolean(),
  hasMask: fc.boolean(),
  hasDecay: fc.boolean(),
  memory: fc.constantFrom(0, 0, 1, 9),
};

engineTest("appendCache converts to the format of the cache", async (backend) => {
  for (const format of FORMATS) {
    await check(backend, { ...shapes(backend, format), n: fc.integer({ min: 0, max: 9 }) }, async (c) => {
      const random = new RandomValues(c.seed);
      const n = Math.min(c.n, c.capacity);
      const cache = new CachePair(backend, [c.b, c.kvHeads, c.capacity, c.dim], format);
      for (let step = 0; step < 3; step++) {
        const x = random.normal([c.b, n, c.kvHeads * c.dim], 10 ** random.integer(-6, 3));
        x.data.fill(0, 0, random.integer(0, 1) * c.dim);
        cache.append(x, random.integers([c.b], 0, 3 * c.capacity), random.integers([c.b], 0, n));
      }
      assertClose({ shape: cache.tensor.shape, data: await cache.tensor.data() }, cache.expected, 0);
      const copy = backend.clone(cache.tensor);
      cache.append(random.normal([c.b, 1, c.kvHeads * c.dim]), { shape: [c.b], data: new Int32Array(c.b) });
      assertEquals(copy.dtype, format);
      assertClose({ shape: cache.tensor.shape, data: await cache.tensor.data() }, cache.expected, 0);
      cache.tensor.dispose();
      copy.dispose();
    });
  }
});

engineTest("a cache takes as much memory as its format needs", (backend) => {
  const bytes = { f32: 4 * 64, f16: 2 * 64, q8_0: 2 * 34 };
  for (const format of ["f32", ...FORMATS] as const) {
    const before = backend.memory().bytesInUse;
    const cache = backend.cache([2, 3, 1000, 64], format);
    const taken = backend.memory().bytesInUse - before;
    assert(taken >= 6000 * bytes[format] && taken < 6000 * bytes[format] + 256, `${format} takes ${taken} bytes`);
    cache.dispose();
  }
});

/**
 * Attention over caches of several steps, and both halves of the plain path, against the oracle on what the caches
 * hold.
 */
async function compareSteps(
  backend: Backend,
  format: CacheFormat,
  c:
    & {
      readonly [field in "b" | "dim" | "kvHeads" | "group" | "capacity" | "seed" | "steps" | "memory"]: number;
    }
    & { readonly [field in "isCausal" | "hasSlopes" | "hasMask" | "hasDecay"]: boolean },
): Promise<void> {
  const random = new RandomValues(c.seed);
  const { b, dim, kvHeads, capacity } = c;
  const heads = kvHeads * c.group;
  const shape = [b, kvHeads, capacity, dim];
  const [keys, values] = [new CachePair(backend, shape, format), new CachePair(backend, shape, format)];
  const positions = random.integers([b], 0, 0);
  const options = { heads, kvHeads, scale: 1.5 / Math.sqrt(dim), causal: c.isCausal };
  const shared = {
    slopes: c.hasSlopes
      ? { shape: [heads], data: Float32Array.from({ length: heads }, (_, h) => h % 3 / 8) }
      : undefined,
    decay: c.hasDecay
      ? { shape: [dim], data: Float32Array.from({ length: dim }, () => 0.4 + random.next() / 2) }
      : undefined,
    memoryKeys: c.memory > 0 ? random.normal([kvHeads, c.memory, dim]) : undefined,
    memoryValues: c.memory > 0 ? random.normal([kvHeads, c.memory, dim]) : undefined,
  };
  for (let step = 0; step < c.steps; step++) {
    const n = random.integer(1, Math.min(9, capacity));
    for (const cache of [keys, values]) cache.append(random.normal([b, n, kvHeads * dim]), positions);
    const isWrapped = positions.data.some((first) => first + n > capacity);
    const mask = c.hasMask && !isWrapped ? random.integers([b, capacity], 0, 1) : undefined;
    const inputs = { q: random.normal([b, n, heads * dim]), positions, ...shared, mask };
    const { q, ...optional } = inputs;
    const expected = { ...options, ...optional };
    const attend = (run: (q: Tensor, options: AttentionOptions) => Tensor) =>
      compute(backend, inputs, ({ q, ...rest }) => run(q, { ...options, ...rest }));
    const attended = await attend((q, rest) => backend.attention(q, keys.tensor, values.tensor, rest));
    assertClose(attended, reference.attention(q, keys.expected, values.expected, expected), TOLERANCE);
    const scores = reference.attentionScores(q, keys.expected, expected);
    assertClose(await attend((q, rest) => backend.attentionScores(q, keys.tensor, rest)), scores, TOLERANCE);
    const weights = softmax(scores);
    const probabilities: HostValues = { shape: weights.shape, data: Float32Array.from(weights.data) };
    const summed = await compute(
      backend,
      { probabilities, memoryValues: shared.memoryValues },
      ({ probabilities, memoryValues }) =>
        backend.attentionValues(probabilities, values.tensor, { ...options, memoryValues }),
    );
    assertClose(summed, reference.attentionValues(probabilities, values.expected, expected), TOLERANCE);
    positions.data.forEach((first, row) => positions.data[row] = first + n);
  }
  for (const cache of [keys, values]) cache.tensor.dispose();
}

for (const format of FORMATS) {
  engineTest(`attention over ${format} caches agrees with its oracle`, async (backend) => {
    await check(backend, { ...shapes(backend, format), ...features }, (c) => compareSteps(backend, format, c), 80);
  });
}

engineTest(
  "attention over long caches that have wrapped around, in blocks of keys and xPos blocks",
  async (backend) => {
    for (const format of FORMATS) {
      for (const [dim, n, group] of [[64, 1, 1], [64, 4, 6], [160, 7, 2], [320, 3, 1]] as const) {
        const random = new RandomValues(dim + n);
        const capacity = 1500;
        const [keys, values] = [0, 1].map(() => new CachePair(backend, [1, 2, capacity, dim], format)) as [
          CachePair,
          CachePair,
        ];
        const start = { shape: [1], data: Int32Array.of(99_700) };
        for (const cache of [keys, values]) cache.append(random.normal([1, capacity, 2 * dim]), start);
        const heads = 2 * group;
        const options = { heads, kvHeads: 2, scale: 1 / Math.sqrt(dim), causal: true };
        const inputs = {
          q: random.normal([1, n, heads * dim]),
          positions: { shape: [1], data: Int32Array.of(99_700 + capacity - n) },
          slopes: { shape: [heads], data: Float32Array.from({ length: heads }, (_, h) => 2 ** -(h + 4)) },
          decay: { shape: [dim], data: Float32Array.from({ length: dim }, () => 0.5 + random.next() / 2) },
        };
        const actual = await compute(
          backend,
          inputs,
          ({ q, ...rest }) => backend.attention(q, keys.tensor, values.tensor, { ...options, ...rest }),
        );
        const { q, ...rest } = inputs;
        assertClose(actual, reference.attention(q, keys.expected, values.expected, { ...options, ...rest }), TOLERANCE);
        for (const cache of [keys, values]) cache.tensor.dispose();
      }
    }
  },
);

engineTest("caches say what they can't do", (backend) => {
  const { tensors } = backend.memory();
  assertThrows(() => backend.cache([1, 1, 8, 48], "q8_0"), ConfigError, "q8_0 cache of heads 48 wide");
  assertThrows(() => backend.cache([1, 1, 8, 32], "q4_0" as CacheFormat), ConfigError, "expected f32, f16, q8_0");
  assertThrows(() => backend.cache([1, 8, 32], "f16"), ShapeError, "[b, kvHeads, capacity, d]");
  assertEquals(backend.memory().tensors, tensors);
  const cache = backend.cache([1, 1, 8, 32]);
  assertThrows(() => backend.writeRows(cache, 0, new Float32Array(32)), ConfigError, "appendCache");
  if (backend.name === "webgpu") {
    assertThrows(() => backend.cache([1, 1, 8, 6], "f16"), ConfigError, "4 must divide the width");
  }
  const other = backend.cache([1, 1, 8, 32], "f16");
  backend.scope(() => {
    const q = backend.tensor(new Float32Array(32), [1, 1, 32]);
    const positions = backend.tensor(Int32Array.of(0), [1]);
    const options = { heads: 1, kvHeads: 1, scale: 1, causal: true, positions };
    assertThrows(() => backend.attention(q, cache, other, options), ShapeError, "dtype f16: expected f32");
  });
  other.dispose();
  cache.dispose();
});
