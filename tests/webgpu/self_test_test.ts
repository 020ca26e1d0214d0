/** The self-test on this adapter: every kernel runs, and is right. */

import { assertEquals } from "@std/assert";
import { KERNELS } from "../../gpu/generated/kernels.ts";
import { gpuTest } from "./support.ts";

/** Kernels of the other flavors. */
const OTHERS = {
  register: ["linear_subgroup", "linear_vector", "linear_workgroup"],
  workgroup: ["linear_register", "linear_subgroup", "linear_vector_register"],
  subgroup: ["linear_register", "linear_vector_register", "linear_workgroup"],
};

gpuTest("the self-test runs every kernel of this adapter's flavor and finds it right", async (backend) => {
  const { createShaderModule } = GPUDevice.prototype;
  const made = new Set(["count_rounds"]); // by which the engine started
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    made.add(descriptor.label ?? "");
    return createShaderModule.call(this, descriptor);
  };
  try {
    const { checks } = await backend.selfTest();
    assertEquals(checks.filter(({ ok }) => !ok), []);
  } finally {
    Object.assign(GPUDevice.prototype, { createShaderModule });
  }
  const kernels = Object.keys(KERNELS).filter((name) => KERNELS[name]?.includes("@compute"));
  assertEquals([...made].sort(), kernels.filter((name) => !OTHERS[backend.flavor].includes(name)).sort());
  assertEquals(backend.memory().tensors, 0);
});
