/** The WGSL of the kernels: generated from its files, complete, and refused by name where a device can't compile it. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { generateKernels } from "../../gpu/build.ts";
import { Faults, ShaderError } from "../../gpu/device/faults.ts";
import { Pipelines } from "../../gpu/dispatch/pipelines.ts";
import { specialize } from "../../gpu/dispatch/shader.ts";
import { KERNELS } from "../../gpu/generated/kernels.ts";
import { GPU_FORMATS } from "../../gpu/memory/weights.ts";
import { gpuTest, isAvailable } from "./support.ts";

Deno.test("the generated kernels are those of the WGSL files", async () => {
  const generated = await Deno.readTextFile(new URL("../../gpu/generated/kernels.ts", import.meta.url));
  assertEquals(generated, await generateKernels(), 'gpu/generated/kernels.ts is stale: run "deno task build"');
});

Deno.test("a specialized kernel holds its snippets once, its constants, and only the bindings of its conditions", () => {
  const constants = { WORKGROUP: 64, VALUE: "vec4<f32>", HAS_SCALE: false };
  const plain = specialize("add", constants);
  assertEquals(plain.declarations.map(({ name }) => name), ["x", "y", "out"]);
  assertEquals(plain.fields.map(({ name, type }) => `${name}: ${type}`), [
    "size: u32",
    "ySize: u32",
    "width: u32",
    "factor: f32",
  ]);
  assertEquals(plain.code.includes("const WORKGROUP = 64;"), true);
  assertEquals(plain.code.includes("VALUE"), false);
  const scaled = specialize("add", { ...constants, HAS_SCALE: true });
  assertEquals(scaled.declarations.map(({ name, type }) => [name, type]), [
    ["x", "read-only-storage"],
    ["y", "read-only-storage"],
    ["scale", "read-only-storage"],
    ["out", "storage"],
  ]);
});

Deno.test("kernels that don't exist are named", () => {
  assertThrows(() => specialize("nonsense", {}), Error, '"nonsense"');
});

Deno.test("every kernel's conditions end and its snippets exist", () => {
  for (const name of Object.keys(KERNELS)) {
    for (const FORMAT of GPU_FORMATS) specialize(name, { FORMAT });
  }
});

Deno.test({
  name: "webgpu: a shader that does not compile gives a ShaderError with the compiler's message",
  ignore: !isAvailable,
  fn: async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter?.requestDevice();
    if (!device) throw new Error("no device");
    const faults = new Faults(device);
    const pipelines = new Pipelines(device, faults);
    const kernel = pipelines.kernel("activate", { WORKGROUP: 64, VALUE: "f32", ACTIVATION: "nonsense" });
    const error = await assertRejects(() => faults.settle(), ShaderError, 'Cannot compile the kernel "activate"');
    assertEquals(/nonsense/.test(error.message), true);
    await assertRejects(() => pipelines.compile([kernel]), ShaderError, '"activate"');
    device.destroy();
    await device.lost;
  },
});

gpuTest("attention of heads of every width fits into the memory that a workgroup has", async (backend) => {
  const { createShaderModule } = GPUDevice.prototype;
  const codes: string[] = [];
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    if (descriptor.code.includes("UNIT_ROOM")) codes.push(descriptor.code);
    return createShaderModule.call(this, descriptor);
  };
  try {
    for (const dim of [32, 132, 260, 1024, 33, 129, 1023]) {
      const [q, k, v] = [1, 2, 3].map(() => backend.zeros([1, 5, dim], "f32"));
      const options = { heads: 1, kvHeads: 1, scale: 1, causal: true };
      const result = backend.attention(q!, k!, v!, options);
      assertEquals(await result.data(), new Float32Array(5 * dim));
      for (const each of [q, k, v, result]) each!.dispose();
    }
  } finally {
    Object.assign(GPUDevice.prototype, { createShaderModule });
  }
  // The engine asks the adapter for all that it has.
  const limit = (await navigator.gpu.requestAdapter())!.limits.maxComputeWorkgroupStorageSize;
  assertEquals(codes.length > 3, true);
  for (const code of codes) {
    const constant = (name: string) => Number(new RegExp(`const ${name} = (\\d+);`).exec(code)?.[1]);
    const isVector = code.includes("array<vec4<f32>, QUERIES");
    const bytes = 2 * (isVector ? 16 : 4) * constant("QUERIES") * constant("UNIT_ROOM") * constant("WORKGROUP");
    assert(bytes <= limit, `${bytes} bytes`);
  }
}, { flavor: "register" });
