/**
 * GGML's q8_0 and q4_0 as `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` write them, one value at a time.
 *
 * @module
 */

import { rowOf, size, type Values } from "./values.ts";

/** Rows [r, n] as they are after they were quantized; rows that end inside a block of 32 go on with zeros. */
export function dequantized(rows: Values, format: "q8_0" | "q4_0"): { shape: readonly number[]; data: Float32Array } {
  const width = size(rows, 1);
  const data = new Float32Array(rows.data.length);
  for (let row = 0; row < size(rows, 0); row++) {
    const values = rowOf(rows, row);
    for (let first = 0; first < width; first += 32) {
      const block = values.slice(first, first + 32);
      data.set(format === "q8_0" ? throughQ8(block) : throughQ4(block), row * width + first);
    }
  }
  return { shape: rows.shape, data };
}

function throughQ8(block: readonly number[]): number[] {
  const largest = Math.max(0, ...block.map(Math.abs));
  const d = Math.fround(largest / 127);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  return block.map((value) => toHalf(d) * roundHalfAway(Math.fround(value * inverse)));
}

function throughQ4(block: readonly number[]): number[] {
  const largest = Math.max(0, ...block.map(Math.abs));
  const d = Math.fround((block.find((value) => Math.abs(value) === largest) ?? 0) / -8);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  return block.map((value) => {
    const q = Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
    return toHalf(d) * (q - 8);
  });
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

/** The nearest f16, ties to even. */
export function toHalf(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent - 10);
  const steps = value === 0 ? 0 : value / unit;
  const below = Math.floor(steps);
  const rest = steps - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return (isUp ? below + 1 : below) * unit;
}
