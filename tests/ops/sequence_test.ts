import { assertEquals } from "@std/assert";
import fc from "fast-check";
import * as reference from "../../engine/reference/sequence.ts";
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

engineTest("shiftTokens agrees with its oracle", async (backend) => {
  const options = { segments: fc.integer({ min: 1, max: 7 }), before: fc.constantFrom(undefined, 0, 1, 2, 9) };
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const x = random.normal([c.b, c.n, c.dim]);
    const previous = c.before === undefined ? undefined : random.normal([c.b, c.before, c.dim]);
    const shifts = Array.from({ length: Math.min(c.segments, c.dim) }, () => random.integer(-3, 6));
    const actual = await compute(
      backend,
      { x, previous },
      ({ x, previous }) => backend.shiftTokens(x, shifts, previous),
    );
    assertClose(actual, reference.shiftTokens(x, shifts, previous), 0);
  });
});

engineTest("gatherRows agrees with its oracle", async (backend) => {
  await check(backend, { rows: fc.integer({ min: 1, max: 20 }), dim: widths, k: lengths, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const [x, indices] = [random.normal([1, c.rows, c.dim]), random.integers([c.k], 0, c.rows - 1)];
    const actual = await compute(backend, { x, indices }, ({ x, indices }) => backend.gatherRows(x, indices));
    assertClose(actual, reference.gatherRows(x, indices), 0);
  });
});

engineTest("concat agrees with its oracle, for floats and whole numbers", async (backend) => {
  const sizes = fc.array(fc.record({ n: lengths, isShared: fc.boolean() }), { minLength: 1, maxLength: 4 });
  await check(backend, { b: batches, dim: widths, sizes, isWhole: fc.boolean(), seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const draw = (shape: number[]) => c.isWhole ? random.integers(shape, -9, 2 ** 30) : random.normal(shape);
    const parts = c.sizes.map(({ n, isShared }, i) => draw([isShared && i > 0 ? 1 : c.b, n, c.dim]));
    if (c.b === 0 && parts.some((part) => part.shape[0] === 1)) return; // a batch of none has nothing to repeat for
    const inputs: Record<string, HostValues> = Object.fromEntries(parts.entries());
    const actual = await compute(backend, inputs, (tensors) => backend.concat(Object.values(tensors)));
    assertClose(actual, reference.concat(parts), 0);
  });
});

engineTest("slice agrees with its oracle, for floats and whole numbers", async (backend) => {
  const options = { from: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.double({ min: 0, max: 1, noNaN: true }) };
  await check(
    backend,
    { b: batches, n: lengths, dim: widths, ...options, isFloat: fc.boolean(), seed: seeds },
    async (c) => {
      const random = new RandomValues(c.seed);
      const x = c.isFloat ? random.normal([c.b, c.n, c.dim]) : random.integers([c.b, c.n, c.dim], -99, 99);
      const from = Math.round(c.from * c.n);
      const to = from + Math.round(c.to * (c.n - from));
      const actual = await compute(backend, { x }, ({ x }) => backend.slice(x, from, to));
      assertEquals(actual.data.constructor, x.data.constructor);
      assertClose(actual, reference.slice(x, from, to), 0);
    },
  );
});

engineTest("clone has memory of its own", async (backend) => {
  const x = new RandomValues(4).normal([3, 5]);
  const original = backend.zeros(x.shape, "f32");
  backend.writeRows(original, 0, x.data);
  const copy = backend.clone(original);
  backend.writeRows(original, 0, new Float32Array(15));
  assertEquals([copy.shape, copy.dtype], [original.shape, original.dtype]);
  assertEquals(await copy.data(), x.data);
  original.dispose();
  assertEquals(await copy.data(), x.data);
  copy.dispose();
});

engineTest("meanPool agrees with its oracle", async (backend) => {
  const some = lengths.filter((n) => n > 0);
  await check(backend, { b: batches, n: some, dim: widths, seed: seeds }, async (c) => {
    const x = new RandomValues(c.seed).normal([c.b, c.n, c.dim]);
    assertClose(await compute(backend, { x }, ({ x }) => backend.meanPool(x)), reference.meanPool(x), 1e-6);
  });
});

engineTest("patches agree with their oracle", async (backend) => {
  const options = {
    channels: fc.integer({ min: 1, max: 5 }),
    patch: fc.integer({ min: 1, max: 9 }),
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 4 }),
  };
  await check(backend, { b: batches, ...options, seed: seeds }, async (c) => {
    const images = new RandomValues(c.seed).normal([c.b, c.channels, c.rows * c.patch, c.columns * c.patch]);
    const actual = await compute(backend, { images }, ({ images }) => backend.patches(images, c.patch));
    assertClose(actual, reference.patches(images, c.patch), 0);
  });
});
