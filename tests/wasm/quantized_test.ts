/** Products with q8_0 and q4_0 weights on the CPU engine: the same bits however the work is shared. */

import { assertEquals } from "@std/assert";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { compute, type HostValues, RandomValues } from "../support/ops.ts";

const backend = await WasmBackend.create();
Deno.test.afterAll(() => backend.dispose());

const formats = ["q8_0", "q4_0"] as const;

function makeWeight(rows: HostValues & { data: Float32Array }, format: WeightFormat, on: Backend = backend): Tensor {
  const [outSize = 0, inSize = 0] = rows.shape;
  const weight = on.weight([outSize, inSize], format);
  on.writeRows(weight, 0, rows.data);
  return weight;
}

for (const format of formats) {
  Deno.test(`${format}: a row has the same bits whatever is computed beside it`, async () => {
    const random = new RandomValues(5);
    const [inSize, outSize] = [1100, 75];
    const weight = makeWeight(random.normal([outSize, inSize], 0.02), format);
    const x = random.normal([21, inSize]);
    const all = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
    for (const [first, rows] of [[0, 1], [3, 2], [7, 3], [9, 4], [2, 17]] as const) {
      const some = { shape: [rows, inSize], data: x.data.slice(first * inSize, (first + rows) * inSize) };
      const part = await compute(backend, { some }, ({ some }) => backend.linear(some, weight));
      assertEquals(part.data, all.data.slice(first * outSize, (first + rows) * outSize));
    }
    weight.dispose();
  });
}

Deno.test("threads share the work and give the same bits", async () => {
  const engines = await Promise.all([1, 2, 3].map((threads) => WasmBackend.create({ threads })));
  for (const format of formats) {
    for (const [rows, inSize, outSize] of [[1, 500, 350], [3, 100, 20], [40, 600, 90], [300, 64, 17]] as const) {
      const random = new RandomValues(rows);
      const [values, x] = [random.normal([outSize, inSize]), random.normal([rows, inSize])];
      const results = [];
      for (const engine of engines) {
        const weight = makeWeight(values, format, engine);
        results.push(await compute(engine, { x }, ({ x }) => engine.linear(x, weight)));
        weight.dispose();
      }
      for (const result of results) assertEquals(result, results[0]);
    }
  }
  for (const engine of engines) engine.dispose();
});

Deno.test("builds agree to the bit on whole blocks", async () => {
  const plain = await WasmBackend.create({}, "simd");
  const random = new RandomValues(9);
  const [values, x] = [random.normal([40, 32]), random.normal([6, 32])];
  for (const format of formats) {
    const results = [];
    for (const engine of [backend, plain]) {
      const weight = makeWeight(values, format, engine);
      results.push(await compute(engine, { x }, ({ x }) => engine.linear(x, weight)));
      weight.dispose();
    }
    assertEquals(results[0], results[1]);
  }
  plain.dispose();
});
