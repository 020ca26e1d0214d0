/**
 * Checks of operations that follow one another, which an engine may run as one.
 *
 * @module
 */

import type { CacheFormat, WeightFormat } from "../../backend/memory.ts";
import { CACHE_FORMATS, FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import { appendCache } from "../reference/attention.ts";
import { add } from "../reference/elementwise.ts";
import { linear } from "../reference/linear.ts";
import { RandomValues } from "../reference/random_values.ts";
import { rotary } from "../reference/rotary.ts";
import { concat } from "../reference/sequence.ts";
import { stored } from "../reference/stored.ts";
import { zeros } from "../reference/values.ts";
import type { Check } from "./check.ts";

/** Checks of what a step of one token has in a row. */
export function joinedChecks(): Check[] {
  return [
    ...WEIGHT_FORMATS.map(productsCheck),
    ...CACHE_FORMATS.flatMap((format) => [keptCheck(format, "keys"), keptCheck(format, "values")]),
  ];
}

/** Three products of one row, and a sum with a fourth. */
function productsCheck(format: WeightFormat): Check {
  const [dim, out] = [70, 130];
  const random = new RandomValues(3);
  const [x, stream] = [random.normal([1, 1, dim]), random.normal([1, 1, out])];
  const weights = [1, 2, 3].map(() => random.normal([out, dim], dim ** -0.5));
  const last = random.normal([out, dim], dim ** -0.5);
  return {
    name: `linear ${format}, three times of one row, and a sum`,
    // The CPU engine rounds what it multiplies with quantized weights to 16 bits.
    tolerance: FORMATS[format].blockSize > 1 ? 1e-4 : 1e-5,
    run: (bench) => {
      const { backend } = bench;
      const [given, added] = [bench.tensor(x), bench.tensor(stream)];
      const [down, others] = [bench.weight(last, format), weights.map((values) => bench.weight(values, format))];
      const products = others.map((weight) => bench.keep(backend.linear(given, weight)));
      // A row between them, so that the fourth product does not join those three.
      const shifted = bench.keep(backend.add(given, given));
      const product = bench.keep(backend.linear(shifted, down));
      return backend.concat([...products, bench.keep(backend.add(product, added, { factor: 0.5 })), product]);
    },
    expected: () => {
      const products = weights.map((values) => linear(x, stored(values, format)));
      const product = linear(add(x, x), stored(last, format));
      return concat([...products, add(product, stream, { factor: 0.5 }), product]);
    },
  };
}

/** Keys that are rotated and appended, and values that are appended with them. */
function keptCheck(format: CacheFormat, which: "keys" | "values"): Check {
  const [kvHeads, capacity, dim] = [3, 8, 64];
  const random = new RandomValues(4);
  const [k, v] = [random.normal([1, 1, kvHeads * dim]), random.normal([1, 1, kvHeads * dim])];
  const table = random.normal([1, 1, 48]);
  const positions = { shape: [1], data: Int32Array.of(13) };
  const shape = [1, kvHeads, capacity, dim];
  return {
    name: `${which} in a ${format} cache, appended when keys were rotated`,
    // What was rotated may be rounded to the neighbor of the right number.
    tolerance: { f32: 1e-6, f16: 1e-3, q8_0: 1e-2 }[format],
    run: (bench) => {
      const { backend } = bench;
      const [keys, values] = [bench.cache(shape, format), bench.cache(shape, format)];
      const [given, others] = [bench.tensor(k), bench.tensor(v)];
      const [angles, places] = [bench.tensor(table), bench.tensor(positions)];
      const rotated = bench.keep(backend.rotary(given, angles, { heads: kvHeads, pairs: "halves" }));
      backend.appendCache(keys, rotated, places);
      backend.appendCache(values, others, places);
      return which === "keys" ? keys : values;
    },
    expected: () => {
      const given = which === "keys" ? rotary(k, table, kvHeads, "halves") : v;
      const rounded = stored({ ...given, data: Float32Array.from(given.data) }, format, dim);
      return appendCache(zeros(shape), rounded, positions);
    },
  };
}
