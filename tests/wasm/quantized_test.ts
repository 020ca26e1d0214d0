/** Weights in q8_0 and q4_0 on the CPU engine: GGML's values to the bit, and products with them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { WasmBackend } from "../../assembly/backend.ts";
import type { Activation, Backend, Tensor, WeightFormat } from "../../backend.ts";
import { ConfigError } from "../../backend.ts";
import q4Fixture from "../fixtures/ggml/q4_0.json" with { type: "json" };
import q8Fixture from "../fixtures/ggml/q8_0.json" with { type: "json" };
import { embedding, linear } from "../reference/linear.ts";
import { dequantized } from "../reference/quantized.ts";
import { assertClose, check, compute, type HostValues, RandomValues, seeds, widths } from "../support/ops.ts";

const backend = await WasmBackend.create();
Deno.test.afterAll(() => backend.dispose());

const formats = ["q8_0", "q4_0"] as const;
const activations = fc.constantFrom<Activation | undefined>(undefined, "gelu", "relu");

function makeWeight(rows: HostValues & { data: Float32Array }, format: WeightFormat, on: Backend = backend): Tensor {
  const [outSize = 0, inSize = 0] = rows.shape;
  const weight = on.weight([outSize, inSize], format);
  on.writeRows(weight, 0, rows.data);
  return weight;
}

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer);
}

for (const [format, fixture] of [["q8_0", q8Fixture], ["q4_0", q4Fixture]] as const) {
  Deno.test(`${format}: values are those of llama.cpp's package, to the bit`, async () => {
    const [rows = 0, width = 0] = fixture.shape;
    const weight = makeWeight({ shape: [rows, width], data: floats(fixture.values) }, format);
    const read = await backend.readRows(weight, 0, rows);
    assertEquals(new Uint32Array(read.buffer), new Uint32Array(floats(fixture.dequantized).buffer));
    weight.dispose();
  });
}

for (const format of formats) {
  Deno.test(`${format}: rows come back as the oracle quantises them, and as they are when written again`, async () => {
    await check(backend, { rows: widths, dim: widths, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const values = random.normal([c.rows, c.dim], 10 ** random.integer(-3, 3));
      const weight = makeWeight(values, format);
      const expected = dequantized(values, format).data;
      assertEquals(await backend.readRows(weight, 0, c.rows), expected);
      const first = random.integer(0, c.rows - 1);
      const some = expected.slice(first * c.dim);
      assertEquals(await backend.readRows(weight, first, c.rows - first), some);
      backend.writeRows(weight, first, some);
      assertEquals(await backend.readRows(weight, 0, c.rows), expected);
      weight.dispose();
    });
  });

  Deno.test(`${format}: linear agrees with float64 over the dequantised weight`, async () => {
    const options = { rows: fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 33), inSize: widths, outSize: widths };
    await check(backend, { ...options, name: activations, hasBias: fc.boolean(), seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const values = random.normal([c.outSize, c.inSize], 1 / Math.sqrt(c.inSize));
      const weight = makeWeight(values, format);
      const x = random.normal([c.rows, c.inSize]);
      const bias = c.hasBias ? random.normal([c.outSize]) : undefined;
      const actual = await compute(
        backend,
        { x, bias },
        ({ x, bias }) => backend.linear(x, weight, { bias, activation: c.name }),
      );
      assertClose(actual, linear(x, dequantized(values, format), { bias, activation: c.name }), 1e-4);
      weight.dispose();
    }, 150);
  });

  Deno.test(`${format}: linear agrees with float64 beyond one block of rows and features`, async () => {
    const shapes = [[1, 1031, 517], [3, 2500, 70], [2, 66000, 17], [70, 1100, 130], [260, 300, 65]] as const;
    for (const [rows, inSize, outSize] of shapes) {
      const random = new RandomValues(rows);
      const values = random.normal([outSize, inSize], 1 / Math.sqrt(inSize));
      const weight = makeWeight(values, format);
      const x = random.normal([rows, inSize]);
      const actual = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
      assertClose(actual, linear(x, dequantized(values, format)), 1e-4);
      weight.dispose();
    }
  });

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

  Deno.test(`${format}: inputs of any size, and NaN`, async () => {
    const weight = makeWeight(new RandomValues(1).normal([20, 64]), format);
    for (const rows of [1, 5]) {
      for (const scale of [0, 1e-30, 1e-12, 1e12, 1e30]) {
        const x = new RandomValues(2).normal([rows, 64], scale);
        const rowsOut = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
        const values = { shape: [20, 64], data: await backend.readRows(weight, 0, 20) };
        const expected = linear(x, values);
        const largest = expected.data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        for (const [i, value] of rowsOut.data.entries()) {
          assert(Math.abs(value - (expected.data[i] ?? NaN)) <= 1e-4 * largest, `${value} at ${i} of scale ${scale}`);
        }
      }
      const x = new RandomValues(3).normal([rows, 64]);
      x.data[40] = NaN;
      const { data } = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
      assertEquals(Array.from(data, Number.isNaN), Array.from(data, (_, i) => i < 20));
    }
    weight.dispose();
  });

  Deno.test(`${format}: embedding gives dequantised rows`, async () => {
    await check(backend, { tokens: widths, dim: widths, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const values = random.normal([c.tokens, c.dim]);
      const weight = makeWeight(values, format);
      const ids = random.integers([2, 7], 0, c.tokens - 1);
      const actual = await compute(backend, { ids }, ({ ids }) => backend.embedding(ids, weight));
      assertClose(actual, embedding(ids, dequantized(values, format)), 0);
      weight.dispose();
    });
  });
}

Deno.test("a quantised weight takes a little over 8 or 4 bits for each value", () => {
  for (const [format, bits] of [["q8_0", 8.5], ["q4_0", 4.5]] as const) {
    const before = backend.memory().bytesInUse;
    const weight = backend.weight([128, 256], format);
    assertEquals(backend.memory().bytesInUse - before, 128 * 256 * bits / 8);
    weight.dispose();
  }
});

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

Deno.test("a format that there is not is refused with those that there are", () => {
  const before = backend.memory();
  const unknown = "q5_1" as WeightFormat;
  assertThrows(() => backend.weight([32, 32], unknown), ConfigError, "format q5_1: expected f32, f16, q8_0 or q4_0");
  assertEquals(backend.memory(), before);
});
