/** Failures on a GPU leave the engine as it was: later operations are right, and lost results are reported. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import type { Tensor } from "../../backend/memory.ts";
import type { Activation } from "../../backend/operations.ts";
import { ConfigError, OutOfMemoryError, ShapeError } from "../../errors.ts";
import { ShaderError } from "../../gpu/device/faults.ts";
import { specialize } from "../../gpu/dispatch/shader.ts";
import { RandomValues } from "../support/ops.ts";
import { gpuTest } from "./support.ts";

/** More than one binding holds, where bindings are as small as below. */
const TOO_LARGE = 40_000;
const options = { maxBindingBytes: 65_536, loopRounds: 5000 };

type Step = (backend: Backend, random: RandomValues) => unknown;

const values = (random: RandomValues, ...shape: number[]) => random.normal(shape);
const tensorOf = (backend: Backend, random: RandomValues, ...shape: number[]) => {
  return backend.tensor(values(random, ...shape).data, shape);
};

/** Operations that the device can't run, or that nobody can. */
const FAILING: readonly Step[] = [
  (backend, random) => backend.activate(tensorOf(backend, random, TOO_LARGE), "relu"),
  (backend, random) => backend.crossEntropy(tensorOf(backend, random, 2, TOO_LARGE), idsOf(backend, 1, 2), -1),
  (backend, random) => backend.l2Norm(tensorOf(backend, random, 1, 64), { groups: -1 }),
  (backend, random) => backend.activate(tensorOf(backend, random, 4), "nonsense" as Activation),
  (backend, random) => backend.linear(tensorOf(backend, random, 2, 4), tensorOf(backend, random, 4, 4)),
  (backend) => backend.zeros([2 ** 20, 2 ** 14], "f32"),
];

function idsOf(backend: Backend, ...ids: number[]): Tensor {
  return backend.tensor(Int32Array.from(ids), [ids.length]);
}

/** Operations that work, some of them with several dispatches. */
const WORKING: readonly Step[] = [
  (backend, random) => backend.softmax(tensorOf(backend, random, 3, 100)),
  (backend, random) => backend.crossEntropy(tensorOf(backend, random, 2, 50), idsOf(backend, 1, 2), -1),
  (backend, random) => backend.add(tensorOf(backend, random, 2, 5, 8), tensorOf(backend, random, 5, 8)),
  (backend) => backend.flush(),
];

gpuTest("fresh operations give the right numbers after any failure, and no memory is left", async (backend) => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = new RandomValues(seed);
    let [failed, wanted] = [0, 0];
    backend.scope(() => {
      for (let i = 0; i < 12; i++) {
        const isWrong = random.next() < 0.4;
        const steps = isWrong ? FAILING : WORKING;
        wanted += Number(isWrong);
        try {
          steps[random.integer(0, steps.length - 1)]!(backend, random);
        } catch (error) {
          const isNamed = [ConfigError, OutOfMemoryError, ShapeError].some((each) => error instanceof each);
          assert(isWrong && isNamed, String(error));
          failed++;
        }
      }
    });
    assertEquals(failed, wanted);
    assertEquals(backend.memory().tensors, 0);
    const sum = backend.scope(() => {
      const x = backend.tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
      return backend.add(backend.activate(x, "relu"), x);
    });
    assertEquals([...await sum.data()], [2, 4, 6, 8]);
    sum.dispose();
  }
}, options);

gpuTest("a failed operation of many dispatches is taken back whole", async (backend) => {
  const x = backend.tensor(new Float32Array(2 * 50), [2, 50]);
  const before = backend.stats();
  const targets = idsOf(backend, 1, 2);
  const large = backend.zeros([2, TOO_LARGE], "f32");
  for (let i = 0; i < 5; i++) assertThrows(() => backend.crossEntropy(large, targets, -1), OutOfMemoryError);
  backend.flush();
  assertEquals(backend.stats().dispatches, before.dispatches);
  assert(Math.abs((await backend.crossEntropy(x, targets, -1).data())[0]! - 2 * Math.log(50)) < 1e-4);
}, options);

/** Lets the device see nonsense in place of one kernel. */
function breakKernel(name: string): () => void {
  const { createShaderModule } = GPUDevice.prototype;
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    const isBroken = descriptor.label === name;
    return createShaderModule.call(this, isBroken ? { ...descriptor, code: "nonsense" } : descriptor);
  };
  return () => void Object.assign(GPUDevice.prototype, { createShaderModule });
}

gpuTest(
  "what a refused kernel should have made is never read, nor what was made of it; the rest is",
  async (backend) => {
    const mend = breakKernel("softmax");
    try {
      const x = backend.tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
      const right = backend.add(x, x);
      await right.data();
      const lost = backend.softmax(x);
      const madeOfIt = backend.add(lost, x);
      backend.flush();
      const later = backend.add(madeOfIt, x);
      const beside = backend.add(right, x);
      const reads = await Promise.allSettled([lost, later, madeOfIt, beside].map((each) => each.data()));
      // The fault is reported once, to the first that waits; every reading of a lost result fails.
      assertEquals(reads.slice(0, 3).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
      assertEquals([...await beside.data()], [3, 6, 9, 12]);
      for (const each of [lost, later, madeOfIt]) await assertRejects(() => each.data());
      assertEquals([...await right.data()], [2, 4, 6, 8]);
      assertEquals([...await backend.add(right, x).data()], [3, 6, 9, 12]);
      assertThrows(() => backend.softmax(x), ShaderError, '"softmax"');
      await assertRejects(() => backend.warmUp(() => backend.softmax(x)), ShaderError, '"softmax"');
    } finally {
      mend();
    }
  },
);

gpuTest("an unknown activation is refused, and no text of a caller's goes into a shader", (backend) => {
  const evil = "relu(x); } fn other(x: f32) -> f32 { return x" as Activation;
  const x = backend.tensor(new Float32Array(8), [2, 4]);
  const weight = backend.weight([4, 4], "f32");
  const { kernels } = backend.stats();
  for (
    const run of [
      () => backend.activate(x, evil),
      () => backend.glu(x, evil),
      () => backend.multiply(x, x, { activation: evil }),
      () => backend.linear(x, weight, { activation: evil }),
    ]
  ) assertThrows(run, ConfigError);
  assertEquals(backend.stats().kernels, kernels);
  assertThrows(() => specialize("activate", { WORKGROUP: 64, VALUE: "f32", ACTIVATION: evil }), Error, "Cannot write");
  weight.dispose();
});

gpuTest("a reshaped tensor is read and written as its own shape says", async (backend) => {
  const counted = Float32Array.from({ length: 36 }, (_, i) => i);
  const x = backend.tensor(counted, [2, 9, 2]);
  for (const shape of [[4, 9], [36], [1, 36], [18, 2], [36, 1], [3, 3, 4]]) {
    const view = backend.reshape(x, shape);
    assertEquals(await view.data(), counted, `[${shape}]`);
    const width = shape.at(-1)!;
    assertEquals(await backend.readRows(view, 36 / width - 1, 1), counted.slice(36 - width));
  }
  const zeros = backend.zeros([6, 6], "f32");
  const view = backend.reshape(zeros, [3, 12]);
  backend.writeRows(view, 1, new Float32Array(12).fill(5));
  assertEquals([...await zeros.data()], [...Array(12).fill(0), ...Array(12).fill(5), ...Array(12).fill(0)]);
  const ids = backend.reshape(idsOf(backend, 1, 2, 3, 4, 5, 6), [3, 2]);
  assertEquals([...await ids.data()], [1, 2, 3, 4, 5, 6]);
  zeros.dispose();
});
