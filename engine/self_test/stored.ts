/**
 * Values as an engine keeps them.
 *
 * @module
 */

import type { CacheFormat, WeightFormat } from "../../backend/memory.ts";
import { dequantized, toHalf } from "../reference/quantized.ts";
import type { HostValues } from "../reference/random_values.ts";

/** Values as a format of weights or caches rounds them: blocks lie within rows of the last dimension. */
export function stored(values: HostValues, format: WeightFormat | CacheFormat): HostValues {
  if (format === "f32") return values;
  const { shape, data } = values;
  if (format === "f16") return { shape, data: Float32Array.from(data, toHalf) };
  const width = shape.at(-1) ?? 1;
  return { shape, data: dequantized({ shape: [data.length / Math.max(width, 1), width], data }, format).data };
}
