/** Operations that follow one another are one dispatch where they can be, in each flavor; and nothing is mixed up. */

import { assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../backend/memory.ts";
import { add } from "../../engine/reference/elementwise.ts";
import { linear } from "../../engine/reference/linear.ts";
import { OutOfMemoryError } from "../../errors.ts";
import type { WebGpuBackend } from "../../gpu/backend.ts";
import { assertClose, type HostValues, RandomValues } from "../support/ops.ts";
import { gpuTest } from "./support.ts";

const DIM = 24;
const random = new RandomValues(1);
const [X, OTHER, BIAS] = [random.normal([1, 1, DIM]), random.normal([1, 1, DIM]), random.normal([DIM])];
const WEIGHTS = [1, 2, 3, 4].map(() => random.normal([DIM, DIM]));

const tensorOf = (backend: WebGpuBackend, { data, shape }: HostValues): Tensor => backend.tensor(data, shape);

function weightsOf(backend: WebGpuBackend): Tensor[] {
  return WEIGHTS.map(({ data }) => {
    const weight = backend.weight([DIM, DIM], "f32");
    backend.writeRows(weight, 0, data as Float32Array);
    return weight;
  });
}

/** Dispatches that `fn` records. */
function dispatchesOf(backend: WebGpuBackend, fn: () => unknown): number {
  backend.flush();
  const before = backend.stats().dispatches;
  backend.scope(() => void fn());
  backend.flush();
  return backend.stats().dispatches - before;
}

/** SwiftShader does not: see `Profile.skipsBranches`. */
function joinsProducts({ flavor, info }: WebGpuBackend): boolean {
  return flavor !== "register" || !/swiftshader/i.test(info.description);
}

for (const flavor of ["register", "workgroup"] as const) {
  gpuTest(`${flavor} kernels: products, sums and appended keys are joined`, (backend) => {
    const [first, ...others] = weightsOf(backend) as [Tensor, ...Tensor[]];
    const all = [first, ...others];
    const row = tensorOf(backend, X);
    const bias = tensorOf(backend, BIAS);
    const few = backend.zeros([1, flavor === "register" ? 1 : 4, DIM], "f32");
    const many = backend.zeros([1, 9, DIM], "f32");
    const products = (x: Tensor, count: number, bias?: Tensor) =>
      dispatchesOf(backend, () => all.slice(0, count).map((weight) => backend.linear(x, weight, { bias })));
    if (joinsProducts(backend)) {
      assertEquals([1, 2, 3, 4].map((count) => products(few, count)), [1, 1, 1, 2]);
      assertEquals([2, 3].map((count) => products(row, count, bias)), [1, 2]);
    }
    assertEquals(products(many, 3), 3);
    const sum = (x: Tensor) => dispatchesOf(backend, () => backend.add(backend.linear(x, first), x));
    assertEquals([row, few, many].map(sum), [1, 1, 2]);

    const [keys, values] = [backend.cache([1, 3, 10, 8]), backend.cache([1, 3, 10, 8])];
    const [positions, table] = [backend.tensor(Int32Array.of(0), [1]), backend.zeros([1, 1, 8], "f32")];
    const append = () => {
      backend.appendCache(keys, row, positions);
      backend.appendCache(values, row, positions);
    };
    const rotateAndAppend = () => {
      backend.appendCache(keys, backend.rotary(row, table, { heads: 3, pairs: "halves" }), positions);
      backend.appendCache(values, row, positions);
    };
    assertEquals([append, rotateAndAppend].map((fn) => dispatchesOf(backend, fn)), [1, 1]);
  }, { flavor });
}

for (const flavor of ["register", "workgroup"] as const) {
  gpuTest(`${flavor} kernels: joined products and sums longer than the device's loops`, async (backend) => {
    const width = 3000;
    const [x, other] = [random.normal([1, 1, width]), random.normal([1, 1, DIM])];
    const parts = [1, 2, 3].map(() => random.normal([DIM, width], width ** -0.5));
    const results = backend.scope(() => {
      const [given, added] = [tensorOf(backend, x), tensorOf(backend, other)];
      const weights = parts.map(({ data }) => {
        const weight = backend.weight([DIM, width], "f32");
        backend.writeRows(weight, 0, data as Float32Array);
        return weight;
      });
      const products = weights.map((weight) => backend.linear(given, weight));
      backend.flush();
      return [...products, backend.add(backend.linear(given, weights[0]!), added)];
    });
    const products = parts.map((values) => linear(x, values));
    for (const [i, expected] of [...products, add(products[0]!, other)].entries()) {
      assertClose({ shape: expected.shape, data: await results[i]!.data() }, expected, 1e-5);
    }
  }, { flavor, loopRounds: flavor === "register" ? 300 : 130 });
}

gpuTest("what only looks as if it followed is not joined", async (backend) => {
  const [a, b] = weightsOf(backend) as [Tensor, Tensor];
  const [x, other, bias] = [X, OTHER, BIAS].map((values) => tensorOf(backend, values)) as [Tensor, Tensor, Tensor];
  const count = (fn: () => unknown) => dispatchesOf(backend, fn);
  // Between the two: another command, a submission, or the end of what the first one used.
  assertEquals(count(() => [backend.linear(x, a), backend.activate(x, "relu"), backend.linear(x, b)]), 3);
  assertEquals(count(() => [backend.linear(x, a), backend.flush(), backend.linear(x, b)]), 2);
  assertEquals(count(() => [backend.scope(() => void backend.linear(x, a)), backend.linear(x, b)]), 2);
  // An addition to something else, or of the product itself.
  assertEquals(count(() => [backend.linear(x, a), backend.add(x, other)]), 2);
  const doubled = backend.scope(() => {
    const product = backend.linear(x, a);
    return backend.add(product, backend.reshape(product, [1, 1, DIM]));
  });
  const product = linear(X, WEIGHTS[0]!);
  assertClose({ shape: doubled.shape, data: await doubled.data() }, add(product, product), 1e-5);
  // A bias that is the first product.
  const chained = backend.scope(() => {
    const first = backend.linear(x, a, { bias });
    return backend.linear(x, b, { bias: backend.reshape(first, [DIM]) });
  });
  const first = linear(X, WEIGHTS[0]!, { bias: BIAS });
  const expected = linear(X, WEIGHTS[1]!, { bias: { shape: [DIM], data: first.data } });
  assertClose({ shape: chained.shape, data: await chained.data() }, expected, 1e-5);
  // Two appends to one cache: the second one holds.
  const cache = backend.cache([1, 1, 4, DIM]);
  const positions = backend.tensor(Int32Array.of(2), [1]);
  assertEquals(count(() => [x, other].forEach((each) => backend.appendCache(cache, each, positions))), 2);
  assertEquals(await backend.readRows(cache, 2, 1), OTHER.data);
});

gpuTest("a command that can't join, because it fails, leaves the one before it as it was", async (backend) => {
  const [weight] = weightsOf(backend) as [Tensor];
  const x = tensorOf(backend, X);
  const product = backend.linear(x, weight);
  const large = backend.weight([20_000, DIM], "f32");
  assertThrows(() => backend.linear(backend.zeros([1, 40_000, DIM], "f32"), large), OutOfMemoryError);
  assertClose({ shape: product.shape, data: await product.data() }, linear(X, WEIGHTS[0]!), 1e-5);
}, { maxBindingBytes: 65_536 });

gpuTest("a joined command that fails leaves those before it as they were", async (backend) => {
  const [a, b] = weightsOf(backend) as [Tensor, Tensor];
  const x = tensorOf(backend, X);
  const product = backend.linear(x, a);
  const { createBindGroupLayout } = GPUDevice.prototype;
  GPUDevice.prototype.createBindGroupLayout = () => {
    throw new Error("no layouts today");
  };
  try {
    assertThrows(() => backend.linear(x, b), Error, "no layouts today");
  } finally {
    Object.assign(GPUDevice.prototype, { createBindGroupLayout });
  }
  assertClose({ shape: product.shape, data: await product.data() }, linear(X, WEIGHTS[0]!), 1e-5);
  const both = [backend.linear(x, a), backend.linear(x, b)];
  for (const [i, each] of both.entries()) {
    assertClose({ shape: each.shape, data: await each.data() }, linear(X, WEIGHTS[i]!), 1e-5);
  }
});

gpuTest(
  "warmUp compiles the kernels of joined commands alone, and nothing real joins what it recorded",
  async (backend) => {
    const [a, b] = weightsOf(backend) as [Tensor, Tensor];
    const [x, positions] = [tensorOf(backend, X), backend.tensor(Int32Array.of(0), [1])];
    const [keys, values] = [backend.cache([1, 1, 4, DIM]), backend.cache([1, 1, 4, DIM])];
    const { createComputePipelineAsync } = GPUDevice.prototype;
    const compiled: string[] = [];
    GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
      compiled.push(descriptor.label ?? "");
      return createComputePipelineAsync.call(this, descriptor);
    };
    try {
      await backend.warmUp(() => {
        backend.linear(x, a);
        backend.linear(x, b);
        backend.appendCache(keys, x, positions);
      });
    } finally {
      Object.assign(GPUDevice.prototype, { createComputePipelineAsync });
    }
    assertEquals(compiled.length, 2);
    backend.appendCache(values, x, positions);
    assertEquals(await backend.readRows(keys, 0, 1), new Float32Array(DIM));
    assertEquals(await backend.readRows(values, 0, 1), X.data);
    assertEquals(backend.stats().dispatches, 1);
  },
);
