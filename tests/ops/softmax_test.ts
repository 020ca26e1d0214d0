import fc from "fast-check";
import { LOWEST } from "../../backend/operations.ts";
import { crossEntropy, logSoftmax, softmax } from "../../engine/reference/softmax.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, batches, check, compute, lengths, RandomValues, seeds, widths } from "../support/ops.ts";

const options = { deviation: fc.constantFrom(0.1, 1, 10, 100), hidden: fc.constantFrom(0, 0.3, 1) };

function logits(c: { deviation: number; hidden: number; seed: number }, shape: number[]) {
  const random = new RandomValues(c.seed);
  const x = random.normal(shape, c.deviation);
  x.data.forEach((value, i) => x.data[i] = random.next() < c.hidden ? LOWEST : value);
  return x;
}

engineTest("softmax agrees with its oracle", async (backend) => {
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const x = logits(c, [c.b, c.n, c.dim]);
    assertClose(await compute(backend, { x }, ({ x }) => backend.softmax(x)), softmax(x), 1e-6);
  });
});

engineTest("logSoftmax agrees with its oracle", async (backend) => {
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const x = logits(c, [c.b, c.n, c.dim]);
    assertClose(await compute(backend, { x }, ({ x }) => backend.logSoftmax(x)), logSoftmax(x), 1e-6);
  });
});

engineTest("softmax and logSoftmax take a vocabulary", async (backend) => {
  const x = new RandomValues(5).normal([3, 50_433], 3);
  assertClose(await compute(backend, { x }, ({ x }) => backend.softmax(x)), softmax(x), 1e-6);
  assertClose(await compute(backend, { x }, ({ x }) => backend.logSoftmax(x)), logSoftmax(x), 1e-6);
});

engineTest("crossEntropy agrees with its oracle", async (backend) => {
  const rows = fc.constantFrom(0, 1, 2, 3, 5, 8, 17, 64, 131);
  await check(
    backend,
    { rows, tokens: widths, deviation: options.deviation, ignored: fc.boolean(), seed: seeds },
    async (c) => {
      const random = new RandomValues(c.seed);
      const x = random.normal([c.rows, c.tokens], c.deviation);
      const targets = random.integers([c.rows], c.ignored ? -1 : 0, c.tokens - 1);
      const actual = await compute(backend, { x, targets }, ({ x, targets }) => backend.crossEntropy(x, targets, -1));
      assertClose(actual, crossEntropy(x, targets, -1), 1e-6);
    },
  );
});
