import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import { ACTIVATIONS } from "../../backend/operations.ts";
import { embedding, linear } from "../../engine/reference/linear.ts";
import { engineTest } from "../support/engines.ts";
import {
  assertClose,
  batches,
  check,
  compute,
  type HostValues,
  lengths,
  RandomValues,
  seeds,
  widths,
} from "../support/ops.ts";

const activations = fc.constantFrom(undefined, ...ACTIVATIONS);

function makeWeight(backend: Backend, rows: HostValues & { data: Float32Array }): Tensor {
  const [outSize = 0, inSize = 0] = rows.shape;
  const weight = backend.weight([outSize, inSize], "f32");
  backend.writeRows(weight, 0, rows.data);
  return weight;
}

engineTest("weights give back the rows that were written", async (backend) => {
  await check(backend, { rows: widths, dim: widths, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const values = random.normal([c.rows, c.dim]);
    const weight = makeWeight(backend, values);
    const first = random.integer(0, c.rows - 1);
    const count = random.integer(0, c.rows - first);
    const rows = await backend.readRows(weight, first, count);
    assertEquals(rows, values.data.slice(first * c.dim, (first + count) * c.dim));
    const replaced = random.normal([count, c.dim]);
    backend.writeRows(weight, first, replaced.data);
    assertEquals(await backend.readRows(weight, first, count), replaced.data);
    weight.dispose();
  });
});

engineTest("embedding agrees with its oracle", async (backend) => {
  await check(backend, { tokens: widths, dim: widths, b: batches, n: lengths, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const values = random.normal([c.tokens, c.dim]);
    const weight = makeWeight(backend, values);
    const ids = random.integers([c.b, c.n], 0, c.tokens - 1);
    assertClose(
      await compute(backend, { ids }, ({ ids }) => backend.embedding(ids, weight)),
      embedding(ids, values),
      0,
    );
    weight.dispose();
  });
});

engineTest("linear agrees with its oracle", async (backend) => {
  const options = { rows: fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 33), inSize: widths, outSize: widths };
  await check(backend, { ...options, name: activations, hasBias: fc.boolean(), seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const values = random.normal([c.outSize, c.inSize], 1 / Math.sqrt(c.inSize));
    const weight = makeWeight(backend, values);
    const x = random.normal([c.rows, c.inSize]);
    const bias = c.hasBias ? random.normal([c.outSize]) : undefined;
    const actual = await compute(
      backend,
      { x, bias },
      ({ x, bias }) => backend.linear(x, weight, { bias, activation: c.name }),
    );
    assertClose(actual, linear(x, values, { bias, activation: c.name }), 5e-6);
    weight.dispose();
  }, 150);
});

for (const [rows, inSize, outSize] of [[1, 1031, 517], [3, 2500, 70], [70, 1100, 130], [260, 300, 65]] as const) {
  engineTest(`linear of ${rows} rows by [${outSize}, ${inSize}] agrees with its oracle`, async (backend) => {
    const random = new RandomValues(rows);
    const values = random.normal([outSize, inSize], 1 / Math.sqrt(inSize));
    const weight = makeWeight(backend, values);
    const x = random.normal([1, rows, inSize]);
    assertClose(await compute(backend, { x }, ({ x }) => backend.linear(x, weight)), linear(x, values), 5e-6);
    weight.dispose();
  });
}
