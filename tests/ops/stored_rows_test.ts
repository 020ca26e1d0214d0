/** Rows of weights as files store them: they go into an engine and come back bit by bit. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor, WeightFormat } from "../../backend/memory.ts";
import { linear } from "../../engine/reference/linear.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { type FormatName, FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import { decodeRows, encodeRows, rowBytes, type StoredRows } from "../../formats/rows.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, check, compute, RandomValues, seeds, widths } from "../support/ops.ts";

/** Rows of any bits, as a stranger's file may hold them: scales that are NaN, quants that no quantizer makes. */
function anyBits(random: RandomValues, format: FormatName, rows: number, width: number): StoredRows {
  const bytes = Uint8Array.from(
    { length: rows * rowBytes(FORMATS[format], width) },
    () => random.integer(0, 255),
  );
  return { format, bytes };
}

function weightOf(backend: Backend, shape: readonly [number, number], format: WeightFormat, rows: StoredRows): Tensor {
  const weight = backend.weight(shape, format);
  backend.writeRows(weight, 0, rows);
  return weight;
}

for (const format of WEIGHT_FORMATS) {
  engineTest(`${format}: rows of any bits come back as they were stored, all or some`, async (backend) => {
    await check(backend, { rows: widths, dim: widths, seed: seeds }, async (c) => {
      const random = new RandomValues(c.seed);
      const all = anyBits(random, format, c.rows, c.dim);
      const weight = weightOf(backend, [c.rows, c.dim], format, all);
      assertEquals(await backend.readStored(weight, 0, c.rows), all);
      const stride = rowBytes(FORMATS[format], c.dim);
      const first = random.integer(0, c.rows - 1);
      const some = await backend.readStored(weight, first, c.rows - first);
      assertEquals(some.bytes, all.bytes.subarray(first * stride));
      const others = anyBits(random, format, 1, c.dim);
      backend.writeRows(weight, first, others);
      all.bytes.set(others.bytes, first * stride);
      assertEquals(await backend.readStored(weight, 0, c.rows), all);
      weight.dispose();
    });
  });

  engineTest(`${format}: values are stored as the format's own conversion stores them`, async (backend) => {
    await check(backend, { rows: widths, dim: widths, seed: seeds }, async (c) => {
      const { data } = new RandomValues(c.seed).normal([c.rows, c.dim]);
      const weight = backend.weight([c.rows, c.dim], format);
      backend.writeRows(weight, 0, data);
      const { bytes } = await backend.readStored(weight, 0, c.rows);
      assertEquals(bytes, encodeRows(FORMATS[format], c.dim, data));
      weight.dispose();
    });
  });
}

for (const format of WEIGHT_FORMATS.filter((name) => FORMATS[name].blockSize > 1)) {
  engineTest(`${format}: products with blocks that no quantizer makes agree with float64`, async (backend) => {
    const options = { rows: fc.constantFrom(1, 3, 9), inSize: widths, outSize: widths, seed: seeds };
    await check(backend, options, async (c) => {
      const random = new RandomValues(c.seed);
      const stored = anyBits(random, format, c.outSize, c.inSize);
      const { blockBytes } = FORMATS[format];
      const scales = new DataView(stored.bytes.buffer);
      for (let at = 0; at < stored.bytes.length; at += blockBytes) {
        scales.setUint16(at, 0x2000 + random.integer(0, 999), true);
      }
      const weight = weightOf(backend, [c.outSize, c.inSize], format, stored);
      const values = { shape: [c.outSize, c.inSize], data: decodeRows(FORMATS[format], c.inSize, stored.bytes) };
      assertEquals(await backend.readRows(weight, 0, c.outSize), values.data);
      const x = random.normal([c.rows, c.inSize], 1 / Math.sqrt(c.inSize));
      const actual = await compute(backend, { x }, ({ x }) => backend.linear(x, weight));
      assertClose(actual, linear(x, values), 2e-4);
      weight.dispose();
    }, 60);
  });
}

engineTest("stored rows of another format are converted", async (backend) => {
  const random = new RandomValues(5);
  const { data } = random.normal([7, 64]);
  for (const from of ["f32", "f16", "bf16", "q8_0", "q4_0"] as const) {
    const stored = { format: from, bytes: encodeRows(FORMATS[from], 64, data) };
    const values = decodeRows(FORMATS[from], 64, stored.bytes);
    for (const format of WEIGHT_FORMATS) {
      const weight = weightOf(backend, [7, 64], format, stored);
      const { bytes } = await backend.readStored(weight, 0, 7);
      assertEquals(bytes, from === format ? stored.bytes : encodeRows(FORMATS[format], 64, values));
      weight.dispose();
    }
    const tensor = backend.zeros([7, 64], "f32");
    backend.writeRows(tensor, 0, stored);
    assertEquals(await backend.readRows(tensor, 0, 7), values);
    assertEquals(await backend.readStored(tensor, 0, 7), { format: "f32", bytes: new Uint8Array(values.buffer) });
    tensor.dispose();
  }
});

engineTest("stored rows that don't fit are refused", async (backend) => {
  const weight = backend.weight([4, 40], "q8_0");
  const rows = (length: number, format: FormatName = "q8_0") => ({ format, bytes: new Uint8Array(length) });
  assertThrows(() => backend.writeRows(weight, 0, rows(67)), ShapeError, "67 bytes into rows of 68: give whole rows");
  assertThrows(() => backend.writeRows(weight, 3, rows(136)), ShapeError, "2 rows from 3 on");
  assertThrows(() => backend.writeRows(weight, 0, rows(81, "f16")), ShapeError, "give whole rows");
  const unknown = { format: "q9_9", bytes: new Uint8Array(68) } as unknown as StoredRows;
  assertThrows(() => backend.writeRows(weight, 0, unknown), Error, "stored rows { format, bytes }");
  await assertRejects(() => backend.readStored(weight, 1, 4), ShapeError, "4 rows from 1 on");
  const cache = backend.cache([1, 1, 4, 32], "q8_0");
  await assertRejects(() => backend.readStored(cache, 0, 1), ConfigError, "use readRows");
  cache.dispose();
  weight.dispose();
});
