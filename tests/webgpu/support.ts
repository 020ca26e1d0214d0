/**
 * Helpers that the tests of the GPU engine share.
 *
 * @module
 */

// The engine is checked against the W3C's types too, which TypeScript has outside of Deno.
/// <reference types="@webgpu/types" />
import { WebGpuBackend, type WebGpuOptions } from "../../gpu/backend.ts";

const hasAdapter = await navigator.gpu?.requestAdapter() != null;
const isRequired = Deno.env.get("REQUIRE_WEBGPU") === "1";
/** Whether tests run that need an adapter. */
export const isAvailable = hasAdapter || isRequired;

/** A test with a GPU engine of its own, disposed of afterwards; ignored where there is no adapter. */
export function gpuTest(
  name: string,
  fn: (backend: WebGpuBackend) => void | Promise<void>,
  options: WebGpuOptions = {},
): void {
  Deno.test({
    name: isAvailable ? `webgpu: ${name}` : `webgpu: ${name} (needs a WebGPU adapter)`,
    ignore: !isAvailable,
    fn: async () => {
      const backend = await WebGpuBackend.create(options);
      try {
        await fn(backend);
      } finally {
        backend.dispose();
      }
    },
  });
}
