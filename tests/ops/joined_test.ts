/** Operations that follow one another, which an engine may run as one: each result is that of the operation alone. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { appendCache } from "../../engine/reference/attention.ts";
import { add } from "../../engine/reference/elementwise.ts";
import { linear } from "../../engine/reference/linear.ts";
import { rotary } from "../../engine/reference/rotary.ts";
import { stored } from "../../engine/reference/stored.ts";
import type { Backend, Tensor, WeightFormat } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, check, type HostValues, RandomValues, seeds, widths } from "../support/ops.ts";

const FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const;
const activations = fc.constantFrom(undefined, "gelu" as const, "silu" as const);
/** Few rows, which are joined, and more. */
const rows = fc.constantFrom(1, 1, 1, 2, 3, 4, 5, 8, 9, 17);
/** Widths of rows, long ones among them. */
const features = fc.oneof({ arbitrary: widths, weight: 4 }, { arbitrary: fc.constantFrom(257, 1100), weight: 1 });

/** What products with a format differ by at most: the CPU engine rounds what quantized weights are multiplied with. */
function toleranceOf(backend: Backend, format: WeightFormat): number {
  const isRounded = backend.name === "wasm" && (format === "q8_0" || format === "q4_0");
  return isRounded ? 2e-4 : 1e-5;
}

const tensorOf = (backend: Backend, { data, shape }: HostValues): Tensor => backend.tensor(data, shape);

/** A weight and the values that its format keeps. */
function weightOf(backend: Backend, random: RandomValues, format: WeightFormat, out: number, width: number) {
  const values = random.normal([out, width], 1 / Math.sqrt(width));
  const weight = backend.weight([out, width], format);
  backend.writeRows(weight, 0, values.data);
  return { weight, values: stored(values, format) };
}

/** Reads tensors and frees them. */
async function read(tensors: readonly Tensor[]): Promise<HostValues[]> {
  const values = await Promise.all(tensors.map(async (tensor) => ({ shape: tensor.shape, data: await tensor.data() })));
  for (const tensor of tensors) tensor.dispose();
  return values;
}

for (const format of FORMATS) {
  engineTest(`${format}: products of one x with several weights agree with their oracle`, async (backend) => {
    const options = { count: fc.integer({ min: 2, max: 5 }), hasBias: fc.boolean(), activation: activations };
    await check(backend, { rows, width: features, out: widths, ...options, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const x = random.normal([1, c.rows, c.width]);
      const parts = Array.from({ length: c.count }, () => ({
        ...weightOf(backend, random, format, c.out, c.width),
        bias: c.hasBias ? random.normal([c.out]) : undefined,
      }));
      const results = backend.scope(() => {
        const given = tensorOf(backend, x);
        const biases = parts.map(({ bias }) => bias && tensorOf(backend, bias));
        return parts.map(({ weight }, i) =>
          backend.linear(given, weight, { bias: biases[i], activation: c.activation })
        );
      });
      for (const [i, actual] of (await read(results)).entries()) {
        const { values, bias } = parts[i]!;
        assertClose(actual, linear(x, values, { bias, activation: c.activation }), toleranceOf(backend, format));
      }
      for (const { weight } of parts) weight.dispose();
    }, 40);
  });

  engineTest(`${format}: a product and what is added to it agree with their oracles`, async (backend) => {
    const options = {
      hasBias: fc.boolean(),
      hasScale: fc.boolean(),
      factor: fc.constantFrom(1, -0.5),
      activation: activations,
      // Values of the product's shape are added, or one row to all of its rows.
      other: fc.constantFrom("rows", "rows", "row"),
    };
    await check(backend, { rows, width: features, out: widths, ...options, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const x = random.normal([1, c.rows, c.width]);
      const { weight, values } = weightOf(backend, random, format, c.out, c.width);
      const bias = c.hasBias ? random.normal([c.out]) : undefined;
      const scale = c.hasScale ? random.normal([c.out]) : undefined;
      const other = random.normal(c.other === "row" ? [1, c.out] : [1, c.rows, c.out]);
      const results = backend.scope(() => {
        const [given, added] = [tensorOf(backend, x), tensorOf(backend, other)];
        const [shift, factors] = [bias && tensorOf(backend, bias), scale && tensorOf(backend, scale)];
        const product = backend.linear(given, weight, { bias: shift, activation: c.activation });
        return [product, backend.add(product, added, { scale: factors, factor: c.factor })];
      });
      const product = linear(x, values, { bias, activation: c.activation });
      const expected = [product, add(product, other, { scale, factor: c.factor })];
      for (const [i, actual] of (await read(results)).entries()) {
        assertClose(actual, expected[i]!, toleranceOf(backend, format));
      }
      weight.dispose();
    }, 40);
  });
}

/** Widths of heads that caches of a format can have on both engines. */
const HEADS = { f32: [1, 3, 4, 8, 10, 20, 33, 64], f16: [4, 8, 20, 64], q8_0: [32, 64, 96, 160] } as const;

for (const format of ["f32", "f16", "q8_0"] as const) {
  engineTest(`${format}: keys that are rotated and appended with values agree with their oracles`, async (backend) => {
    const options = {
      b: fc.constantFrom(1, 1, 2, 3),
      n: fc.constantFrom(0, 1, 1, 2, 3, 4, 9),
      dim: fc.constantFrom<number>(...HEADS[format]),
      kvHeads: fc.constantFrom(1, 2, 3),
      // How many features are rotated; undefined if the keys are appended as they are.
      share: fc.constantFrom(undefined, 0, 0.4, 1),
      pairs: fc.constantFrom("adjacent" as const, "halves" as const),
      isShared: fc.boolean(),
      hasLengths: fc.boolean(),
      hasRows: fc.boolean(),
      start: fc.constantFrom(-2, 0, 5, 200),
      // Values of the same shape in a cache of the same shape, or keys alone.
      hasValues: fc.boolean(),
    };
    await check(backend, { ...options, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const [capacity, cacheRows] = [11, c.hasRows ? c.b + 2 : c.b];
      const [k, v] = [1, 2].map(() => random.normal([c.b, c.n, c.kvHeads * c.dim])) as [HostValues, HostValues];
      const rotated = 2 * Math.floor(c.dim * (c.share ?? 0) / 2);
      const table = random.normal([c.isShared ? 1 : c.b, c.n, rotated]);
      const lengths = c.hasLengths ? random.integers([c.b], 0, c.n) : undefined;
      const starts = Array.from({ length: c.b }, (_, i) => c.start + i);
      const positions = c.hasRows
        ? { shape: [c.b, 2], data: Int32Array.from(starts.flatMap((start, i) => [start, (i + 1) % cacheRows])) }
        : { shape: [c.b], data: Int32Array.from(starts) };
      const shape = [cacheRows, c.kvHeads, capacity, c.dim];
      const caches = [backend.cache(shape, format), backend.cache(shape, format)] as const;
      const results = backend.scope(() => {
        const [keys, values, angles, places] = [k, v, table, positions].map((each) => tensorOf(backend, each));
        const counts = lengths && tensorOf(backend, lengths);
        const turned = c.share === undefined
          ? keys!
          : backend.rotary(keys!, angles!, { heads: c.kvHeads, pairs: c.pairs });
        backend.appendCache(caches[0], turned, places!, counts);
        if (c.hasValues) backend.appendCache(caches[1], values!, places!, counts);
        return [turned];
      });
      const [turned] = await read(results);
      assertClose(turned!, c.share === undefined ? k : rotary(k, table, c.kvHeads, c.pairs), 1e-6);
      for (const [i, x] of [turned!, ...c.hasValues ? [v] : []].entries()) {
        const empty = { shape, data: new Float64Array(shape.reduce((product, size) => product * size, 1)) };
        const expected = appendCache(empty, stored(x, format, c.dim), positions, lengths);
        const actual = await backend.readRows(caches[i]!, 0, expected.data.length / c.dim);
        assertEquals(Array.from(actual), Array.from(expected.data));
      }
      for (const cache of caches) cache.dispose();
    });
  });
}
