import fc from "fast-check";
import { rotary } from "../../engine/reference/rotary.ts";
import { engineTest } from "../support/engines.ts";
import { assertClose, batches, check, compute, lengths, RandomValues, seeds, widths } from "../support/ops.ts";

engineTest("rotary agrees with its oracle", async (backend) => {
  const options = {
    heads: fc.integer({ min: 1, max: 5 }),
    share: fc.constantFrom(0, 0.3, 0.5, 1),
    pairs: fc.constantFrom("adjacent" as const, "halves" as const),
    isShared: fc.boolean(),
  };
  await check(backend, { b: batches, n: lengths, dim: widths, ...options, seed: seeds }, async (c) => {
    const random = new RandomValues(c.seed);
    const rotated = 2 * Math.floor(c.dim * c.share / 2);
    const x = random.normal([c.b, c.n, c.heads * c.dim]);
    const table = random.normal([c.isShared ? 1 : c.b, c.n, rotated]);
    const actual = await compute(
      backend,
      { x, table },
      ({ x, table }) => backend.rotary(x, table, { heads: c.heads, pairs: c.pairs }),
    );
    assertClose(actual, rotary(x, table, c.heads, c.pairs), 1e-6);
  });
});
