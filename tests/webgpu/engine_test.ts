/** How the GPU engine records, submits, reuses and frees. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Tensor } from "../../backend/memory.ts";
import { stored } from "../../engine/reference/stored.ts";
import { ConfigError, DeviceLostError, DisposedError, OutOfMemoryError } from "../../errors.ts";
import { WebGpuBackend } from "../../gpu/backend.ts";
import { gpuTest, isAvailable } from "./support.ts";

const ones = (count: number) => new Float32Array(count).fill(1);

/** The increase of the counters while `fn` ran. */
async function counted(backend: WebGpuBackend, fn: () => unknown) {
  const before = backend.stats();
  await fn();
  const after = backend.stats();
  return {
    dispatches: after.dispatches - before.dispatches,
    submissions: after.submissions - before.submissions,
    maps: after.maps - before.maps,
    bytesReadBack: after.bytesReadBack - before.bytesReadBack,
    weightBytesRead: after.weightBytesRead - before.weightBytesRead,
  };
}

gpuTest("many operations go in one submission, and only what is asked for comes back", async (backend) => {
  const weight = backend.weight([8, 4], "f32");
  backend.writeRows(weight, 0, ones(32));
  const x = backend.tensor(ones(4), [1, 4]);
  let result: Tensor | undefined;
  const recorded = await counted(backend, () => {
    result = backend.scope(() => {
      const hidden = backend.linear(x, weight, { activation: "relu" });
      return backend.sample(backend.softmax(backend.layerNorm(hidden)), { temperature: 1, seed: 1, counter: 0 });
    });
    backend.flush();
  });
  assertEquals(recorded, { dispatches: 4, submissions: 1, maps: 0, bytesReadBack: 0, weightBytesRead: 8 * 4 * 4 });
  const read = await counted(backend, () => result?.data());
  assertEquals(read, { dispatches: 0, submissions: 1, maps: 1, bytesReadBack: 4, weightBytesRead: 0 });
});

gpuTest("recording and reading take one submission together", async (backend) => {
  const x = backend.tensor(ones(4), [4]);
  const read = await counted(backend, () => backend.add(x, x).data());
  assertEquals(read, { dispatches: 1, submissions: 1, maps: 1, bytesReadBack: 16, weightBytesRead: 0 });
});

gpuTest("batches longer than a submission holds run to their end", async (backend) => {
  let sum = backend.tensor(ones(4), [4]);
  const one = sum;
  for (let i = 0; i < 3000; i++) sum = backend.scope(() => backend.add(sum, one));
  assertEquals([...await sum.data()], [3001, 3001, 3001, 3001]);
});

gpuTest("uploads keep their place among the commands", async (backend) => {
  const state = backend.zeros([2, 4], "f32");
  const sums: Tensor[] = [];
  for (let i = 1; i <= 5; i++) {
    backend.writeRows(state, 1, ones(4).fill(i));
    sums.push(backend.add(state, state));
  }
  for (const [i, sum] of sums.entries()) {
    const value = 2 * (i + 1);
    assertEquals([...await sum.data()], [0, 0, 0, 0, value, value, value, value]);
  }
});

gpuTest("a tensor made in memory that recorded commands still read does not change what they see", async (backend) => {
  const results = [1, 2, 3, 4].map((value) =>
    backend.scope(() => {
      const x = backend.tensor(ones(64).fill(value), [64]);
      return backend.add(x, x);
    })
  );
  for (const [i, result] of results.entries()) assertEquals((await result.data())[63], 2 * (i + 1));
});

gpuTest("zeros are zeros also in memory that was used before", async (backend) => {
  for (let i = 0; i < 3; i++) {
    const used = backend.tensor(ones(64), [64]);
    used.dispose();
    const zeros = backend.zeros([64], "f32");
    assertEquals([...await zeros.data()], [...new Float32Array(64)]);
    backend.writeRows(zeros, 0, ones(64));
    zeros.dispose();
  }
});

gpuTest("repeated work takes no more memory, kernels or bind groups than the first", async (backend) => {
  const weight = backend.weight([64, 64], "f16");
  const step = async () => {
    const result = backend.scope(() => {
      const x = backend.tensor(ones(3 * 64), [3, 64]);
      return backend.add(x, backend.linear(backend.layerNorm(x), weight));
    });
    await result.data();
    result.dispose();
  };
  for (let i = 0; i < 3; i++) await step();
  const [memory, { bufferBytes, kernels, bindGroups }] = [backend.memory(), backend.stats()];
  for (let i = 0; i < 200; i++) await step();
  assertEquals({ ...backend.memory() }, { ...memory });
  const after = backend.stats();
  assertEquals([after.bufferBytes, after.kernels, after.bindGroups], [bufferBytes, kernels, bindGroups]);
  weight.dispose();
  assertEquals(backend.memory().bytesInUse, 0);
});

gpuTest("freed buffers are kept up to the cap", async (backend) => {
  const tensors = Array.from({ length: 8 }, () => backend.zeros([1024], "f32"));
  await tensors[0]?.data();
  for (const tensor of tensors) tensor.dispose();
  backend.flush();
  assertEquals(backend.stats().pooledBytes, 8192);
  assertEquals(backend.stats().bufferBytes, 8192);
}, { poolBytes: 10_000 });

gpuTest("warmUp compiles what a step needs, and runs nothing of it", async (backend) => {
  const step = () => backend.softmax(backend.activate(backend.tensor(ones(8), [2, 4]), "gelu"));
  const warming = await counted(backend, () => backend.warmUp(step));
  assertEquals([warming.dispatches, warming.submissions, backend.memory().tensors], [0, 0, 0]);
  const { kernels } = backend.stats();
  assertEquals(kernels, 2);
  assertEquals([...await step().data()], Array(8).fill(0.25));
  assertEquals(backend.stats().kernels, kernels);
});

for (const format of ["f32", "f16", "q8_0", "q4_0"] as const) {
  gpuTest(`${format} weights beyond the binding limit are split`, async (backend) => {
    const isQuantized = format === "q8_0" || format === "q4_0";
    const [rows, width] = [1000, isQuantized ? 120 : 24];
    const given = Float32Array.from({ length: rows * width }, (_, i) => (i * 7919 % 257) / 64 - 2);
    const values = isQuantized ? stored({ shape: [rows, width], data: given }, format).data : given;
    const weight = backend.weight([rows, width], format);
    backend.writeRows(weight, 0, given.subarray(0, 501 * width));
    backend.writeRows(weight, 501, given.subarray(501 * width));
    assertEquals(await backend.readRows(weight, 0, rows), values);
    assertEquals(await backend.readRows(weight, 130, 300), values.subarray(130 * width, 430 * width));
    assertEquals(await backend.clone(weight).data(), values);

    const ids = backend.tensor(Int32Array.of(0, 999, 169, 170, 171, 500, 1000, -1), [8]);
    const embedded = await backend.embedding(ids, weight).data();
    assertEquals(embedded.slice(2 * width, 3 * width), values.slice(169 * width, 170 * width));
    assertEquals(embedded.slice(5 * width, 6 * width), values.slice(500 * width, 501 * width));
    assertEquals(embedded.slice(6 * width), new Float32Array(2 * width));

    for (const n of [1, 3, 6, 200]) {
      const x = backend.tensor(Float32Array.from({ length: n * width }, (_, i) => (i % 13) - 6), [n, width]);
      const product = await backend.linear(x, weight).data();
      for (const [row, column] of [[0, 0], [n - 1, 999], [n >> 1, 512], [n - 1, 170]] as const) {
        let expected = 0;
        for (let e = 0; e < width; e++) {
          expected += ((row * width + e) % 13 - 6) * (values[column * width + e] ?? 0);
        }
        assert(Math.abs((product[row * rows + column] ?? 0) - expected) < 1e-3, `row ${row}, column ${column}`);
      }
    }
  }, { maxBindingBytes: 40_000 });
}

gpuTest("a tensor too large to bind is refused where it is used", (backend) => {
  const x = backend.zeros([1000], "f32");
  const error = assertThrows(() => backend.activate(x, "relu"), OutOfMemoryError);
  assertEquals(error.message.includes("4000 bytes"), true);
}, { maxBindingBytes: 2048 });

gpuTest("a buffer larger than the device makes is refused at once, and nothing is held", (backend) => {
  assertThrows(() => backend.zeros([2 ** 20, 2 ** 12], "f32"), OutOfMemoryError, "17179869184 bytes");
  assertEquals(backend.memory(), { bytesInUse: 0, peakBytes: 0, tensors: 0 });
});

gpuTest("after dispose everything says so", async (backend) => {
  const x = backend.tensor(ones(4), [4]);
  backend.dispose();
  assertThrows(() => backend.tensor(ones(4), [4]), DisposedError);
  await assertRejects(() => x.data(), DisposedError);
  backend.dispose();
});

async function requestDevice(): Promise<GPUDevice> {
  const device = await (await navigator.gpu.requestAdapter())?.requestDevice();
  if (!device) throw new Error("no device");
  return device;
}

Deno.test({
  name: "webgpu: a device that was given is not destroyed",
  ignore: !isAvailable,
  fn: async () => {
    const device = await requestDevice();
    for (let i = 0; i < 2; i++) {
      const backend = await WebGpuBackend.create({ device });
      const x = backend.tensor(ones(4), [4]);
      assertEquals([...await backend.add(x, x).data()], [2, 2, 2, 2]);
      backend.dispose();
    }
    device.destroy();
    await device.lost;
  },
});

Deno.test({
  name: "webgpu: after the device is lost everything throws DeviceLostError, and dispose frees",
  ignore: !isAvailable,
  fn: async () => {
    const device = await requestDevice();
    const backend = await WebGpuBackend.create({ device });
    const x = backend.tensor(ones(4), [4]);
    const sum = backend.add(x, x);
    device.destroy();
    await device.lost;
    await assertRejects(() => sum.data(), DeviceLostError, "Create a backend");
    assertThrows(() => backend.add(x, x), DeviceLostError);
    assertThrows(() => backend.flush(), DeviceLostError);
    await assertRejects(() => backend.warmUp(() => {}), DeviceLostError);
    x.dispose();
    sum.dispose();
    assertEquals(backend.memory().tensors, 0);
    backend.dispose();
  },
});

Deno.test({
  name: "webgpu: a device lost while values are read rejects with DeviceLostError",
  ignore: !isAvailable,
  fn: async () => {
    const device = await requestDevice();
    const backend = await WebGpuBackend.create({ device });
    const x = backend.tensor(ones(4), [4]);
    const reading = assertRejects(() => backend.add(x, x).data(), DeviceLostError);
    device.destroy();
    await reading;
    backend.dispose();
  },
});

Deno.test({
  name: "webgpu: subgroup kernels are refused where there are no subgroups",
  ignore: !isAvailable,
  fn: async () => {
    const device = await requestDevice(); // asks for no features
    await assertRejects(() => WebGpuBackend.create({ device, flavor: "subgroup" }), ConfigError, "no subgroups");
    device.destroy();
    await device.lost;
  },
});
