/**
 * Checks of products with weights, and of looking rows of them up.
 *
 * @module
 */

import type { WeightFormat } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import { embedding, linear } from "../reference/linear.ts";
import { RandomValues } from "../reference/random_values.ts";
import { stored } from "../reference/stored.ts";
import type { Check } from "./check.ts";

/** Rows of x around the sizes that have kernels of their own. */
const ROWS = [1, 3, 5, 40];

/** An inner size that takes more rounds of a loop than some drivers grant. */
const LONG = 300_000;

/** Checks of `embedding` and `linear`. */
export function productChecks(): Check[] {
  return [
    ...WEIGHT_FORMATS.map(embeddingCheck),
    ...WEIGHT_FORMATS.flatMap((format) => ROWS.map((rows) => linearCheck(format, rows, 72, 130, "gelu"))),
    linearCheck("f32", 3, 70, 130, undefined),
    ...[1, 5].map((rows) => linearCheck("f32", rows, LONG, 3, "gelu")),
  ];
}

function embeddingCheck(format: WeightFormat): Check {
  const random = new RandomValues(1);
  const table = random.normal([9, 70]);
  const ids = { shape: [6], data: Int32Array.of(0, 8, 3, 9, -1, 2 ** 30) };
  return {
    name: `embedding ${format}, ids beyond the table included`,
    tolerance: 0,
    run: (bench) => bench.backend.embedding(bench.tensor(ids), bench.weight(table, format)),
    expected: () => embedding(ids, stored(table, format)),
  };
}

function linearCheck(
  format: WeightFormat,
  rows: number,
  inSize: number,
  outSize: number,
  activation: Activation | undefined,
): Check {
  const make = () => {
    const random = new RandomValues(rows);
    return {
      x: random.normal([rows, inSize]),
      values: random.normal([outSize, inSize], 1 / Math.sqrt(inSize)),
      bias: random.normal([outSize]),
    };
  };
  const isQuantized = FORMATS[format].blockSize > 1;
  return {
    name: `linear ${format}, ${rows === 1 ? "1 row" : `${rows} rows`} of ${inSize}, ${activation ?? "no activation"}`,
    // The CPU engine rounds what it multiplies with quantized weights to 16 bits; long sums in f32 lose digits.
    tolerance: isQuantized ? 1e-4 : inSize === LONG ? 5e-5 : 1e-5,
    run: (bench) => {
      const { x, values, bias } = make();
      const weight = bench.weight(values, format);
      return bench.backend.linear(bench.tensor(x), weight, { bias: bench.tensor(bias), activation });
    },
    expected: () => {
      const { x, values, bias } = make();
      return linear(x, stored(values, format), { bias, activation });
    },
  };
}
