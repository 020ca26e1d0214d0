/**
 * Every flavor of the kernels that this adapter can run, by force: the one that suits the adapter is tested with the
 * operations, the others here. Subgroups exist in browsers only, where all operations are tested with each flavor
 * (tests/hosts/chromium).
 */

import { assertEquals } from "@std/assert";
import type { WeightFormat } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import * as attention from "../../engine/reference/attention.ts";
import { linear } from "../../engine/reference/linear.ts";
import { l2Norm, layerNorm } from "../../engine/reference/norm.ts";
import * as sampling from "../../engine/reference/sampling.ts";
import { crossEntropy, softmax } from "../../engine/reference/softmax.ts";
import type { Flavor } from "../../gpu/backend.ts";
import { assertClose, compute, RandomValues } from "../support/ops.ts";
import { gpuTest } from "./support.ts";

const FLAVORS: readonly Flavor[] = ["register", "workgroup"];

/** Rows, in, out: around the edges of tiles, vectors and workgroups. */
const PRODUCTS = [
  [1, 64, 64],
  [2, 33, 5],
  [3, 1100, 75],
  [4, 130, 67],
  [5, 64, 64],
  [16, 70, 130],
  [17, 3, 1],
  [33, 128, 65],
  [100, 260, 129],
] as const;

for (const flavor of FLAVORS) {
  for (const format of ["f32", "f16", "q8_0", "q4_0"] as const) {
    gpuTest(`${flavor} kernels: products with ${format} weights`, async (backend) => {
      assertEquals(backend.flavor, flavor);
      const random = new RandomValues(1);
      const activations: readonly (Activation | undefined)[] = [undefined, "gelu", "silu"];
      for (const [i, [rows, size, out]] of PRODUCTS.entries()) {
        const values = random.normal([out, size], 1 / Math.sqrt(size));
        const weight = backend.weight([out, size], format as WeightFormat);
        backend.writeRows(weight, 0, values.data);
        const rounded = { shape: values.shape, data: await backend.readRows(weight, 0, out) };
        const [x, bias] = [random.normal([rows, size]), i % 2 === 0 ? random.normal([out]) : undefined];
        const activation = activations[i % 3];
        const actual = await compute(
          backend,
          { x, bias },
          ({ x, bias }) => backend.linear(x, weight, { bias, activation }),
        );
        assertClose(actual, linear(x, rounded, { bias, activation }), 5e-6);
        weight.dispose();
      }
    }, { flavor });
  }

  gpuTest(`${flavor} kernels: reductions over rows of every length`, async (backend) => {
    const random = new RandomValues(2);
    for (const width of [1, 5, 31, 32, 33, 64, 100, 257, 1000]) {
      const x = random.normal([7, width], 2);
      const [normed, scaled, soft] = await Promise.all([
        compute(backend, { x }, ({ x }) => backend.layerNorm(x)),
        compute(backend, { x }, ({ x }) => backend.l2Norm(x)),
        compute(backend, { x }, ({ x }) => backend.softmax(x)),
      ]);
      assertClose(normed, layerNorm(x), 1e-5);
      assertClose(scaled, l2Norm(x), 2e-6);
      assertClose(soft, softmax(x), 2e-6);
      const draw = { temperature: 0.8, seed: 3, counter: width };
      assertClose(
        await compute(backend, { x }, ({ x }) => backend.sample(x, draw)),
        sampling.sample(x, draw),
        0,
      );
      const filter = { topK: 1 + (width >> 1), topP: 0.83217 };
      assertClose(
        await compute(backend, { x }, ({ x }) => backend.filterLogits(x, filter)),
        sampling.filterLogits(x, filter),
        0,
      );
      const targets = random.integers([7], 0, width - 1);
      assertClose(
        await compute(backend, { x, targets }, ({ x, targets }) => backend.crossEntropy(x, targets, -1)),
        crossEntropy(x, targets, -1),
        2e-6,
      );
    }
  }, { flavor });

  for (const n of [1, 3, 70]) {
    gpuTest(`${flavor} kernels: attention of ${n} queries`, async (backend) => {
      const random = new RandomValues(3);
      const options = { heads: 6, kvHeads: 2, scale: 0.2, causal: true };
      for (const dim of [20, 64]) {
        const inputs = {
          q: random.normal([2, n, 6 * dim]),
          k: random.normal([2, 600, 2 * dim]),
          v: random.normal([2, 600, 2 * dim]),
          slopes: { shape: [6], data: Float32Array.of(0.1, 0.05, 0.2, 0, 0, 0.5) },
          mask: random.integers([2, 600], 0, 1),
          memoryKeys: random.normal([2, 3, dim]),
          memoryValues: random.normal([2, 3, dim]),
          decay: { shape: [dim], data: random.normal([dim]).data.map((value) => 0.4 + 0.5 * Math.exp(-value * value)) },
        };
        const actual = await compute(
          backend,
          inputs,
          ({ q, k, v, ...rest }) => backend.attention(q, k, v, { ...options, ...rest }),
        );
        const { q, k, v, ...rest } = inputs;
        assertClose(actual, attention.attention(q, k, v, { ...options, ...rest }), 1e-5);
      }
    }, { flavor });
  }
}
