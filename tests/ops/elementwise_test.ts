import fc from "fast-check";
import { ACTIVATIONS } from "../../backend/operations.ts";
import { activate, glu } from "../../engine/reference/activation.ts";
import { add, maskRows, multiply } from "../../engine/reference/elementwise.ts";
import { engineTest } from "../support/engines.ts";
import {
  assertClose,
  batches,
  check,
  compute,
  evenWidths,
  type HostValues,
  lengths,
  RandomValues,
  seeds,
  widths,
} from "../support/ops.ts";

const activations = fc.constantFrom(...ACTIVATIONS);

engineTest("activate agrees with its oracle", async (backend) => {
  await check(backend, { b: batches, n: lengths, dim: widths, name: activations, seed: seeds }, async (c) => {
    const x = new RandomValues(c.seed).normal([c.b, c.n, c.dim], 4);
    assertClose(await compute(backend, { x }, ({ x }) => backend.activate(x, c.name)), activate(x, c.name), 2e-6);
  });
});

engineTest("activations hold far from zero", async (backend) => {
  const points = [0, -0, 1e-30, 1e-8, 0.5, 2.9, 3, 5.5, 9.3, 20, 80, 88.9, 120, 1e4, 3e18];
  const x = { shape: [points.length * 2], data: Float32Array.from(points.flatMap((p) => [p, -p])) };
  for (const name of ["gelu", "geluTanh", "silu", "relu", "sigmoid"] as const) {
    const actual = await compute(backend, { x }, ({ x }) => backend.activate(x, name));
    const expected = activate(x, name);
    for (const [i, value] of expected.data.entries()) {
      const scale = Math.max(1, Math.abs(value));
      assertClose({ shape: [], data: [(actual.data[i] ?? NaN) / scale] }, { shape: [], data: [value / scale] }, 2e-6);
    }
  }
});

engineTest("glu agrees with its oracle", async (backend) => {
  await check(backend, { b: batches, n: lengths, dim: evenWidths, name: activations, seed: seeds }, async (c) => {
    const x = new RandomValues(c.seed).normal([c.b, c.n, c.dim], 2);
    assertClose(await compute(backend, { x }, ({ x }) => backend.glu(x, c.name)), glu(x, c.name), 2e-6);
  });
});

engineTest("add agrees with its oracle", async (backend) => {
  const repeats = fc.constantFrom("same", "positions", "one row");
  const options = { b: batches, n: lengths, dim: widths, repeat: repeats, isScaled: fc.boolean(), seed: seeds };
  await check(backend, options, async (c) => {
    const random = new RandomValues(c.seed);
    const x = random.normal([c.b, c.n, c.dim]);
    const y = random.normal(
      c.repeat === "same" || x.data.length === 0 ? x.shape : [c.repeat === "positions" ? c.n : 1, c.dim],
    );
    const scale: HostValues | undefined = c.isScaled ? random.normal([c.dim]) : undefined;
    const factor = c.isScaled ? 1.5 : undefined;
    const actual = await compute(backend, { x, y, scale }, ({ x, y, scale }) => backend.add(x, y, { scale, factor }));
    assertClose(actual, add(x, y, { scale, factor }), 1e-6);
  });
});

engineTest("add takes long rows", async (backend) => {
  const random = new RandomValues(1);
  const [x, y] = [random.normal([3, 70_003]), random.normal([1, 70_003])];
  assertClose(await compute(backend, { x, y }, ({ x, y }) => backend.add(x, y)), add(x, y), 1e-6);
});

engineTest("multiply agrees with its oracle", async (backend) => {
  const gates = fc.constantFrom("features", "heads", "shared heads");
  const names = fc.option(activations, { nil: undefined });
  const options = {
    b: batches,
    n: lengths,
    dim: widths,
    heads: fc.integer({ min: 1, max: 9 }),
    gate: gates,
    name: names,
  };
  await check(backend, { ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const x = random.normal([c.b, c.n, c.heads * c.dim]);
    const y = random.normal(
      c.gate === "features" ? x.shape : c.gate === "heads" ? [c.b, c.n, c.heads] : [c.heads],
    );
    const actual = await compute(backend, { x, y }, ({ x, y }) => backend.multiply(x, y, { activation: c.name }));
    assertClose(actual, multiply(x, y, c.name), 2e-6);
  });
});

engineTest("maskRows agrees with its oracle", async (backend) => {
  await check(backend, { b: batches, n: lengths, dim: widths, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const [x, mask] = [random.normal([c.b, c.n, c.dim]), random.integers([c.b, c.n], 0, 1)];
    const actual = await compute(backend, { x, mask }, ({ x, mask }) => backend.maskRows(x, mask));
    assertClose(actual, maskRows(x, mask), 0);
  });
});
