/** Weights in q8_0 and q4_0: GGML's values to the bit, and products with them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import { embedding, linear } from "../../engine/reference/linear.ts";
import { stored } from "../../engine/reference/stored.ts";
import { ConfigError } from "../../errors.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import q4Fixture from "../fixtures/ggml/q4_0.json" with { type: "json" };
import q8Fixture from "../fixtures/ggml/q8_0.json" with { type: "json" };
import { engineTest } from "../support/engines.ts";
import { assertClose, check, compute, type HostValues, RandomValues, seeds, widths } from "../support/ops.ts";

const formats = WEIGHT_FORMATS.filter((name) => FORMATS[name].blockSize > 1);
const activations = fc.constantFrom<Activation | undefined>(undefined, "gelu", "relu");

function makeWeight(backend: Backend, rows: HostValues & { data: Float32Array }, format: WeightFormat): Tensor {
  const [outSize = 0, inSize = 0] = rows.shape;
  const weight = backend.weight([outSize, inSize], format);
  backend.writeRows(weight, 0, rows.data);
  return weight;
}

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer);
}

for (const [format, fixture] of [["q8_0", q8Fixture], ["q4_0", q4Fixture]] as const) {
  engineTest(`${format}: values are those of llama.cpp's package, to the bit`, async (backend) => {
    const [rows = 0, width = 0] = fixture.shape;
    const weight = makeWeight(backend, { shape: [rows, width], data: floats(fixture.values) }, format);
    const read = await backend.readRows(weight, 0, rows);
    assertEquals(new Uint32Array(read.buffer), new Uint32Array(floats(fixture.dequantized).buffer));
    weight.dispose();
  });
}

for (const format of formats) {
  engineTest(
    `${format}: rows come back as the oracle quantizes them, and as they are when written again`,
    async (backend) => {
      await check(backend, { rows: widths, dim: widths, seed: seeds }, async (c) => {
        const random = new RandomValues(c.seed);
        const values = random.normal([c.rows, c.dim], 10 ** random.integer(-3, 3));
        const weight = makeWeight(backend, values, format);
        const expected = stored(values, format).data;
        assertEquals(await backend.readRows(weight, 0, c.rows), expected);
        const first = random.integer(0, c.rows - 1);
        const some = expected.slice(first * c.dim);
        assertEquals(await backend.readRows(weight, first, c.rows - first), some);
        backend.writeRows(weight, first, some);
        assertEquals(await backend.readRows(weight, 0, c.rows), expected);
        weight.dispose();
      });
    },
  );

  engineTest(`${format}: linear agrees with float64 over the dequantized weight`, async (backend) => {
    const options = { rows: fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 33), inSize: widths, outSize: widths };
    await check(backend, { ...options, name: activations, hasBias: fc.boolean(), seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const values = random.normal([c.outSize, c.inSize], 1 / Math.sqrt(c.inSize));
      const weight = makeWeight(backend, values, format);
      const x = random.normal([c.rows, c.inSize]);
      const bias = c.hasBias ? random.normal([c.outSize]) : undefined;
      const actual = await compute(
        backend,
        { x, bias },
        ({ x, bias }) => backend.linear(x, weight, { bias, activation: c.name }),
      );
      assertClose(actual, linear(x, stored(values, format), { bias, activation: c.name }), 1e-4);
      weight.dispose();
    }, 150);
  });

  engineTest(`${format}: linear agrees with float64 beyond one block of rows and features`, async (backend) => {
    const shapes = [[1, 1031, 517], [3, 2500, 70], [2, 66000, 17], [70, 1100, 130], [260, 300, 65]] as const;
    for (const [rows, inSize, outSize] of shapes) {
      const random = new RandomValues(rows);
      const values = random.normal([outSize, inSize], 1 / Math.sqrt(inSize));
      const weight = makeWeight(backend, values, format);
      const x = random.normal([rows, inSize]);
      const actual = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
      assertClose(actual, linear(x, stored(values, format)), 1e-4);
      weight.dispose();
    }
  });

  engineTest(`${format}: inputs of any size, and NaN`, async (backend) => {
    const weight = makeWeight(backend, new RandomValues(1).normal([20, 64]), format);
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

  engineTest(`${format}: embedding gives dequantized rows`, async (backend) => {
    await check(backend, { tokens: widths, dim: widths, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const values = random.normal([c.tokens, c.dim]);
      const weight = makeWeight(backend, values, format);
      const ids = random.integers([2, 7], 0, c.tokens - 1);
      const actual = await compute(backend, { ids }, ({ ids }) => backend.embedding(ids, weight));
      assertClose(actual, embedding(ids, stored(values, format)), 0);
      weight.dispose();
    });
  });
}

engineTest(
  "a quantized weight takes the bytes of its blocks: 8.5 bits for each value of q8_0, 4.5 of q4_0",
  (backend) => {
    for (const format of formats) {
      const { blockSize, blockBytes } = FORMATS[format];
      const before = backend.memory().bytesInUse;
      const weight = backend.weight([128, 256], format);
      assertEquals(backend.memory().bytesInUse - before, 128 * 256 / blockSize * blockBytes);
      weight.dispose();
    }
  },
);

engineTest("a format that there is not is refused with those that there are", (backend) => {
  const before = backend.memory();
  const unknown = "q5_1" as WeightFormat;
  assertThrows(
    () => backend.weight([32, 32], unknown),
    ConfigError,
    `format "q5_1": expected ${backend.formats.join(", ")}`,
  );
  assertEquals(backend.memory(), before);
});
