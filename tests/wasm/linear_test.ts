/**
 * The promises of `linear` on this engine beyond agreeing with its oracle: the same bits whatever the path, f16
 * weights, both builds.
 */

import { assert, assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import { RandomValues } from "../support/ops.ts";

/** A weight of random values, some of them denormal in f16. */
function randomWeight(backend: Backend, out: number, size: number, format: WeightFormat, seed = 1): Tensor {
  const weight = backend.weight([out, size], format);
  const values = new RandomValues(seed).normal([out, size], 1 / Math.sqrt(size)).data;
  for (let i = 0; i < values.length; i += 7) values[i] = (values[i] ?? 0) * 1e-4;
  backend.writeRows(weight, 0, values);
  return weight;
}

async function product(
  backend: Backend,
  rows: Float32Array,
  weight: Tensor,
  activation?: Activation,
): Promise<number[]> {
  const [out = 0, size = 0] = weight.shape;
  const result = backend.scope(() => {
    const bias = backend.tensor(new RandomValues(9).normal([out]).data, [out]);
    return backend.linear(backend.tensor(rows, [rows.length / size, size]), weight, { bias, activation });
  });
  const values = [...await result.data()];
  result.dispose();
  return values;
}

for (const format of ["f32", "f16"] as const) {
  Deno.test(`a row has the same bits alone, among few and among many (${format})`, async () => {
    const backend = await WasmBackend.create();
    for (const [out, size] of [[37, 5000], [96, 515], [8, 64], [130, 1]] as const) {
      const weight = randomWeight(backend, out, size, format);
      const rows = new RandomValues(3).normal([300, size]).data;
      const all = await product(backend, rows, weight, "gelu");
      for (
        const [first, count] of [[0, 1], [299, 1], [5, 2], [40, 3], [7, 4], [60, 9], [20, 17], [0, 18], [
          3,
          40,
        ]] as const
      ) {
        const some = await product(backend, rows.subarray(first * size, (first + count) * size), weight, "gelu");
        assertEquals(some, all.slice(first * out, (first + count) * out), `${count} rows of [${out}, ${size}]`);
      }
      weight.dispose();
    }
    backend.dispose();
  });

  Deno.test(`both builds agree (${format})`, async () => {
    const results: number[][] = [];
    for (const build of ["simd", "relaxed-simd"] as const) {
      const backend = await WasmBackend.create({}, build);
      const weight = randomWeight(backend, 70, 900, format);
      results.push(await product(backend, new RandomValues(4).normal([23, 900]).data, weight, "silu"));
      backend.dispose();
    }
    const [plain = [], relaxed = []] = results;
    const difference = plain.reduce((most, value, i) => Math.max(most, Math.abs(value - (relaxed[i] ?? NaN))), 0);
    assert(difference < 1e-5, `differ by ${difference}`);
    assertEquals(plain.length, relaxed.length);
  });
}

Deno.test("f16 weights hold every f16, and round others to the nearest", async () => {
  for (const build of ["simd", "relaxed-simd"] as const) {
    const backend = await WasmBackend.create({}, build);
    const halves = new Float16Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
    await assertHolds(backend, Float32Array.from(halves));
    const random = Int32Array.from({ length: 65536 }, (_, i) => Math.imul(i, 0x9e3779b1));
    const floats = new Float32Array(random.buffer).map((value, i) => i % 2 === 0 ? value : value % 70000);
    await assertHolds(backend, floats);
    // Halfway between two f16, and its neighbors on both sides.
    const between = Float32Array.from(
      { length: 0x7c00 },
      (_, bits) => ((halves[bits] ?? 0) + (halves[bits + 1] ?? 0)) / 2,
    );
    await assertHolds(backend, between);
    for (const step of [1, -1]) {
      await assertHolds(
        backend,
        between.map((value) => bitsToFloat(floatBits(value) + step)),
      );
    }
    backend.dispose();
  }

  async function assertHolds(backend: Backend, values: Float32Array): Promise<void> {
    const weight = backend.weight([values.length / 256, 256], "f16");
    backend.writeRows(weight, 0, values);
    const rows = await backend.readRows(weight, 0, values.length / 256);
    assertEquals(rows, values.map((value) => Math.f16round(value)));
    weight.dispose();
  }
});

function bitsToFloat(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0] ?? NaN;
}

function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

Deno.test("rows of a weight are written and read in any range, beyond what is staged at once", async () => {
  const backend = await WasmBackend.create();
  for (const format of ["f32", "f16"] as const) {
    const [out, size] = [700, 1001];
    const weight = backend.weight([out, size], format);
    const values = Float32Array.from({ length: out * size }, (_, i) => Math.f16round(Math.sin(i)));
    backend.writeRows(weight, 0, values.subarray(0, 3 * size));
    backend.writeRows(weight, 3, values.subarray(3 * size, 650 * size));
    backend.writeRows(weight, 650, values.subarray(650 * size));
    assertEquals(await backend.readRows(weight, 0, out), values);
    assertEquals(await backend.readRows(weight, 33, 600), values.subarray(33 * size, 633 * size));
    assertEquals(await weight.data(), values);
    weight.dispose();
  }
  assertEquals(backend.memory().bytesInUse, 0);
  backend.dispose();
});

Deno.test("uploads of any size keep their place among the commands", async () => {
  const backend = await WasmBackend.create();
  for (const size of [4, 16_384, 16_385, 100_000]) {
    const sum = backend.scope(() => {
      let total = backend.tensor(new Float32Array(size), [size]);
      for (let i = 1; i <= 30; i++) {
        // Each is freed at once and its memory taken by the next.
        const term = backend.tensor(new Float32Array(size).fill(i), [size]);
        const next = backend.add(total, term);
        term.dispose();
        total.dispose();
        total = next;
      }
      return total;
    });
    assertEquals(new Set(await sum.data()), new Set([465]));
    sum.dispose();
  }
  backend.dispose();
});

Deno.test("a sum of nothing is its bias", async () => {
  const backend = await WasmBackend.create();
  const weight = backend.weight([3, 0], "f32");
  for (const rows of [1, 2, 30]) {
    const result = backend.scope(() => {
      const bias = backend.tensor(Float32Array.of(1, -2, 3), [3]);
      return backend.linear(backend.tensor(new Float32Array(), [rows, 0]), weight, { bias, activation: "relu" });
    });
    assertEquals([...await result.data()], Array.from({ length: rows }, () => [1, 0, 3]).flat());
    result.dispose();
  }
  weight.dispose();
  backend.dispose();
});

Deno.test("a token that no row has embeds as zeros, and reads nobody's memory", async () => {
  const backend = await WasmBackend.create();
  const weight = randomWeight(backend, 5, 6, "f32");
  const rows = backend.embedding(backend.tensor(Int32Array.of(-1, 5, 2 ** 31 - 1), [3]), weight);
  assertEquals(new Set(await rows.data()), new Set([0]));
  backend.dispose();
});
