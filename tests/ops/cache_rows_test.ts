/** Caches whose rows belong to sequences that come and go: steps of some rows, and rows copied. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  type AttentionOptions,
  type Backend,
  type CacheFormat,
  ConfigError,
  ShapeError,
  type Tensor,
} from "../../mod.ts";
import { sizeOf } from "../../common/shape.ts";
import { CACHE_FORMATS } from "../../formats/formats.ts";
import { engineTest } from "../support/engines.ts";
import { type HostValues, RandomValues } from "../support/ops.ts";

const [ROWS, KV, CAPACITY, DIM, HEADS] = [5, 2, 70, 32, 6];
const SHAPE = [ROWS, KV, CAPACITY, DIM];

/** Keys and values. */
type Pair = readonly [Tensor, Tensor];

const pairOf = (backend: Backend, shape: readonly number[], format: CacheFormat): Pair => [
  backend.cache(shape, format),
  backend.cache(shape, format),
];

/** What sequences bring to a step; `kept` are the keys that the mask tells of. */
interface Step {
  readonly q: HostValues;
  readonly k: HostValues;
  readonly v: HostValues;
  readonly mask: HostValues;
  readonly lengths: HostValues;
}

function drawStep(random: RandomValues, b: number, n: number): Step {
  const rows = () => random.normal([b, n, KV * DIM]);
  return {
    q: random.normal([b, n, HEADS * DIM]),
    k: rows(),
    v: rows(),
    mask: random.integers([b, CAPACITY], 0, 3),
    lengths: { shape: [b], data: new Int32Array(b).fill(n) },
  };
}

/** One sequence's part of a step. */
function partOf(step: Step, i: number): Step {
  const part = ({ shape, data }: HostValues): HostValues => {
    const size = data.length / shape[0]!;
    return { shape: shape.with(0, 1), data: data.slice(i * size, (i + 1) * size) };
  };
  const { q, k, v, mask, lengths } = step;
  return { q: part(q), k: part(k), v: part(v), mask: part(mask), lengths: part(lengths) };
}

/** Appends a step, and gives attention and its two halves over the caches, for each sequence. */
async function run(backend: Backend, [keys, values]: Pair, step: Step, positions: HostValues): Promise<number[][][]> {
  const results = backend.scope(() => {
    const tensor = ({ data, shape }: HostValues) => backend.tensor(data, shape);
    const starts = tensor(positions);
    backend.appendCache(keys, tensor(step.k), starts, tensor(step.lengths));
    backend.appendCache(values, tensor(step.v), starts);
    const slopes = backend.tensor(Float32Array.from({ length: HEADS }, (_, head) => head / 8), [HEADS]);
    const options: AttentionOptions = {
      ...{ heads: HEADS, kvHeads: KV, scale: DIM ** -0.5, causal: true, slopes, positions: starts },
      mask: tensor(step.mask),
    };
    const scores = backend.attentionScores(tensor(step.q), keys, options);
    return [
      backend.attention(tensor(step.q), keys, values, options),
      scores,
      backend.attentionValues(backend.softmax(scores), values, options),
    ];
  });
  return await Promise.all(results.map(async (tensor) => {
    const [b, data] = [tensor.shape[0]!, await tensor.data()];
    tensor.dispose();
    return Array.from({ length: b }, (_, i) => Array.from(data.slice(i * data.length / b, (i + 1) * data.length / b)));
  }));
}

/** Positions of the cache's own sequences, and of others in rows of their own. */
const own = (...positions: number[]): HostValues => ({ shape: [positions.length], data: Int32Array.from(positions) });
const inRows = (...pairs: (readonly [position: number, row: number])[]): HostValues => ({
  shape: [pairs.length, 2],
  data: Int32Array.from(pairs.flat()),
});

async function fill(backend: Backend, cache: Tensor, random: RandomValues): Promise<number[]> {
  const [b = 0, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
  const { data, shape } = random.normal([b, capacity, kvHeads * dim]);
  backend.scope(() => backend.appendCache(cache, backend.tensor(data, shape), backend.tensor(new Int32Array(b), [b])));
  return Array.from(await cache.data());
}

/** The rows of a cache's values. */
function rowsOf(data: ArrayLike<number>): number[][] {
  const size = data.length / ROWS;
  return Array.from({ length: ROWS }, (_, row) => Array.from(data).slice(row * size, (row + 1) * size));
}

for (const format of CACHE_FORMATS) {
  engineTest(
    `sequences in rows of a ${format} cache get the bits that they get in caches of their own`,
    async (backend) => {
      const random = new RandomValues(21);
      const shared = pairOf(backend, SHAPE, format);
      const before = [await fill(backend, shared[0], random), await fill(backend, shared[1], random)];
      const sequences = [3, 0, 4].map((row) => ({
        row,
        position: 0,
        kept: pairOf(backend, [1, ...SHAPE.slice(1)], format),
      }));
      // Prefill of each alone and of all, then steps of some, in any order.
      const steps: [n: number, active: number[]][] = [
        ...[[33, [0]], [6, [2]], [9, [1]]] as [number, number[]][],
        ...[[1, [0, 1, 2]], [1, [2, 0]], [3, [1, 2]], [20, [2, 0, 1]], [1, [1]], [1, [2, 1, 0]]] as [
          number,
          number[],
        ][],
      ];
      for (const [n, active] of steps) {
        const step = drawStep(random, active.length, n);
        const some = active.map((i) => sequences[i]!);
        const together = await run(
          backend,
          shared,
          step,
          inRows(...some.map(({ position, row }) => [position, row] as const)),
        );
        for (const [i, sequence] of some.entries()) {
          const alone = await run(backend, sequence.kept, partOf(step, i), own(sequence.position));
          assertEquals(together.map((result) => result[i]), alone.map((result) => result[0]), `${n} × ${active}`);
          sequence.position += n;
        }
      }
      for (const [i, cache] of shared.entries()) {
        const rows = rowsOf(await cache.data());
        for (const row of [1, 2]) assertEquals(rows[row], rowsOf(before[i]!)[row], "a row that no sequence has");
      }
      for (const cache of [...shared, ...sequences.flatMap(({ kept }) => kept)]) cache.dispose();
    },
  );

  engineTest(`a row of a ${format} cache goes on from what was copied to it`, async (backend) => {
    const random = new RandomValues(4);
    const pair = pairOf(backend, SHAPE, format);
    await run(backend, pair, drawStep(random, 1, 40), inRows([0, 1]));
    const rowsBefore = rowsOf(await pair[0].data());
    for (const cache of pair) backend.copyCache(cache, 1, 4, 37);
    const rows = rowsOf(await pair[0].data());
    const copied = (row: number[]) => row.filter((_, i) => Math.floor(i / DIM) % CAPACITY < 37);
    assertEquals(copied(rows[4]!), copied(rowsBefore[1]!));
    assertEquals(rows.slice(0, 4), rowsBefore.slice(0, 4));
    assertEquals(rows[4]!.filter((_, i) => Math.floor(i / DIM) % CAPACITY >= 37).some((value) => value !== 0), false);
    const step = drawStep(random, 1, 2);
    const [first, second] = [
      await run(backend, pair, step, inRows([37, 1])),
      await run(backend, pair, step, inRows([37, 4])),
    ];
    assertEquals(second, first);
    const all = Array.from(await pair[0].data());
    backend.copyCache(pair[0], 2, 2, CAPACITY);
    backend.copyCache(pair[0], 1, 2, 0);
    assertEquals(Array.from(await pair[0].data()), all);
    for (const cache of pair) cache.dispose();
  });
}

engineTest("a row beyond the cache is the nearest that there is", async (backend) => {
  const random = new RandomValues(8);
  const pair = pairOf(backend, SHAPE, "f32");
  for (const cache of pair) await fill(backend, cache, random);
  const step = drawStep(random, 1, 1);
  for (const [given, meant] of [[5, 4], [2 ** 31 - 1, 4], [-1, 0], [-(2 ** 31), 0]] as const) {
    assertEquals(
      await run(backend, pair, step, inRows([9, given])),
      await run(backend, pair, step, inRows([9, meant])),
    );
  }
  for (const cache of pair) cache.dispose();
});

engineTest("what can't be rows of a cache is refused by name", (backend) => {
  const pair = pairOf(backend, [3, 1, 8, 32], "f32");
  const [cache, smaller] = [pair[0], backend.cache([2, 1, 8, 32])];
  backend.scope(() => {
    const floats = (...shape: number[]) => backend.tensor(new Float32Array(sizeOf(shape)), shape);
    const ids = (...shape: number[]) => backend.tensor(new Int32Array(sizeOf(shape)), shape);
    const [x, probabilities] = [floats(2, 1, 32), floats(2, 1, 1, 8)];
    const options = { heads: 1, kvHeads: 1, scale: 1, causal: true };
    const named = "attention with positions of shape [2, 2]: expected [2], because k is not a cache";
    const [each, pairs] = [{ ...options, positions: ids(2) }, { ...options, positions: ids(2, 2) }];
    assertThrows(() => backend.attention(x, x, x, pairs), ShapeError, named);
    assertThrows(
      () => backend.attentionScores(x, x, pairs),
      ShapeError,
      "positions of shape [2, 2]: expected [2], because",
    );
    assertThrows(
      () => backend.attentionValues(floats(2, 1, 1, 1), x, pairs),
      ShapeError,
      "expected [2], because v is not a cache",
    );
    assertThrows(
      () => backend.attention(x, cache, cache, each),
      ShapeError,
      "k of shape [3, 1, 8, 32]: expected [2, 1, 8, 32]",
    );
    assertThrows(() => backend.attentionValues(probabilities, cache, each), ShapeError, "expected [2, 1, 8, 32]");
    assertThrows(
      () => backend.attention(x, cache, smaller, pairs),
      ShapeError,
      "v of shape [2, 1, 8, 32]: expected [3, 1, 8, 32]",
    );
    assertThrows(
      () => backend.appendCache(cache, x, ids(2)),
      ShapeError,
      "cache of shape [3, 1, 8, 32]: expected [2, 1, 8, 32]",
    );
    assertThrows(
      () => backend.appendCache(cache, x, ids(2, 3)),
      ShapeError,
      "positions of shape [2, 3]: expected [2, 2]",
    );
    assertThrows(
      () => backend.appendCache(cache, x, ids(3, 2)),
      ShapeError,
      "positions of shape [3, 2]: expected [2, 2]",
    );
    const none = backend.cache([0, 1, 8, 32]);
    assertThrows(
      () => backend.appendCache(none, x, ids(2, 2)),
      ShapeError,
      "cache of shape [0, 1, 8, 32]: expected at least one row",
    );
    none.dispose();
  });
  assertThrows(
    () => backend.copyCache(cache, 3, 0, 1),
    ConfigError,
    "from = 3: expected a row of the cache, which has 3",
  );
  assertThrows(
    () => backend.copyCache(cache, 0, 3, 1),
    ConfigError,
    "to = 3: expected a row of the cache, which has 3",
  );
  assertThrows(
    () => backend.copyCache(cache, 0, 1, 9),
    ConfigError,
    "count = 9: expected up to the cache's capacity, 8",
  );
  assertThrows(() => backend.copyCache(cache, 0.5, 1, 1), ConfigError, "from = 0.5: expected a whole number");
  for (const each of [...pair, smaller]) each.dispose();
});
