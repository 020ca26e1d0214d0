import fc from "fast-check";
import { l2Norm, layerNorm } from "../../engine/reference/norm.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, batches, check, compute, lengths, RandomValues, seeds, widths } from "../support/ops.ts";

engineTest("layerNorm agrees with its oracle", async (backend) => {
  const options = {
    hasGain: fc.boolean(),
    hasBias: fc.boolean(),
    gainOffset: fc.constantFrom(0, 1),
    mean: fc.integer(),
  };
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const x = random.normal([c.b, c.n, c.dim]);
    x.data.forEach((value, i) => x.data[i] = value + c.mean % 20);
    const gain = c.hasGain ? random.normal([c.dim]) : undefined;
    const bias = c.hasBias ? random.normal([c.dim]) : undefined;
    const actual = await compute(
      backend,
      { x, gain, bias },
      ({ x, gain, bias }) => backend.layerNorm(x, { gain, bias, gainOffset: c.gainOffset }),
    );
    // The values lie around a mean of up to 20, where f32 has 2e-6 of resolution.
    assertClose(actual, layerNorm(x, { gain, bias, gainOffset: c.gainOffset }), 1e-5);
  });
});

engineTest("layerNorm takes eps, rows of equal values and long rows", async (backend) => {
  const random = new RandomValues(2);
  const tiny = random.normal([3, 5], 1e-3);
  const actual = await compute(backend, { tiny }, ({ tiny }) => backend.layerNorm(tiny, { eps: 1e-6 }));
  assertClose(actual, layerNorm(tiny, { eps: 1e-6 }), 1e-5);
  const equal = { shape: [2, 9], data: new Float32Array(18).fill(3) };
  assertClose(await compute(backend, { equal }, ({ equal }) => backend.layerNorm(equal)), layerNorm(equal), 0);
  const long = random.normal([2, 10_007]);
  assertClose(await compute(backend, { long }, ({ long }) => backend.layerNorm(long)), layerNorm(long), 1e-5);
});

engineTest("l2Norm agrees with its oracle", async (backend) => {
  const options = {
    groups: fc.integer({ min: 1, max: 9 }),
    gains: fc.constantFrom("none", "one", "group", "all"),
    gainOffset: fc.constantFrom(0, 1),
    factor: fc.constantFrom(undefined, 10, Math.sqrt(48)),
    squareEps: fc.constantFrom(undefined, 1e-5, 3),
  };
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const x = random.normal([c.b, c.n, c.groups * c.dim]);
    const gainSize = { none: 0, one: 1, group: c.dim, all: c.groups * c.dim }[c.gains];
    const gain = gainSize > 0 ? random.normal([gainSize]) : undefined;
    const { groups, gainOffset, factor, squareEps } = c;
    const actual = await compute(
      backend,
      { x, gain },
      ({ x, gain }) => backend.l2Norm(x, { groups, gain, gainOffset, factor, squareEps }),
    );
    assertClose(actual, l2Norm(x, { groups, gain, gainOffset, factor, squareEps }), 2e-6);
  });
});

engineTest("l2Norm of zeros is zero, and eps bounds the norm", async (backend) => {
  const zero = { shape: [2, 6], data: new Float32Array(12) };
  assertClose(await compute(backend, { zero }, ({ zero }) => backend.l2Norm(zero, { groups: 2 })), zero, 0);
  const tiny = new RandomValues(3).normal([2, 7], 1e-4);
  const actual = await compute(backend, { tiny }, ({ tiny }) => backend.l2Norm(tiny, { eps: 0.5, factor: 3 }));
  assertClose(actual, l2Norm(tiny, { eps: 0.5, factor: 3 }), 1e-9);
});

engineTest("l2Norm with eps under the root is the RMS norm x / sqrt(mean(x²) + eps)", async (backend) => {
  const [width, eps] = [6, 1e-2];
  const x = new RandomValues(4).normal([3, width], 0.1);
  const options = { factor: Math.sqrt(width), squareEps: width * eps };
  const actual = await compute(backend, { x }, ({ x }) => backend.l2Norm(x, options));
  const expected = Array.from(x.data, (value, i) => {
    const row = x.data.subarray(i - i % width, i - i % width + width);
    return value / Math.sqrt(row.reduce((total, other) => total + other * other, 0) / width + eps);
  });
  assertClose(actual, { shape: x.shape, data: expected }, 1e-6);
});
