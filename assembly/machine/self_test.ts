/**
 * Whether the kernels compute correctly on this host: some hosts implement relaxed SIMD instructions wrongly.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";

/** Multiplies small whole numbers, whose products and sums are exact, in tiles of many rows, few rows and one. */
export async function computesCorrectly(backend: Backend): Promise<boolean> {
  const [out, size] = [40, 37];
  const factor = (row: number, i: number) => (row * 7 + i * 5) % 13 - 6;
  const values = (rows: number) =>
    Float32Array.from({ length: rows * size }, (_, i) => factor(Math.floor(i / size), i % size));
  const weight = backend.weight([out, size], "f32");
  backend.writeRows(weight, 0, values(out));
  try {
    for (const rows of [1, 5, 20]) {
      const products = await product(backend, values(rows), rows);
      const isRight = products.every((value, at) => {
        const [row, column] = [Math.floor(at / out), at % out];
        let sum = 0;
        for (let i = 0; i < size; i++) sum += factor(row, i) * factor(column, i);
        return value === sum;
      });
      if (!isRight) return false;
    }
    return true;
  } finally {
    weight.dispose();
  }

  async function product(backend: Backend, x: Float32Array, rows: number): Promise<Float32Array | Int32Array> {
    const result = backend.scope(() => backend.linear(backend.tensor(x, [rows, size]), weight));
    try {
      return await result.data();
    } finally {
      result.dispose();
    }
  }
}
