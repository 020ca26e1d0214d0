/**
 * Chooses an engine for this host, and loads the code of no other: a page that computes on the CPU downloads no
 * shaders, 27 KB of gzip.
 *
 * @module
 */
import { type Backend, type BackendOptions, ConfigError } from "./backend.ts";
import { provideDefaultBackend } from "./models/default_backend.ts";

/**
 * Starts an engine.
 *
 * @param name "auto" takes WebGPU where a hardware adapter is found and WebAssembly otherwise
 * @throws {BackendUnavailableError} if a named engine can't start on this host: why, and what would make it start
 *
 * @example
 * ```ts
 * import { createBackend } from "./mod.ts";
 *
 * const backend = await createBackend("wasm");
 * const x = backend.tensor(Float32Array.of(1, 2, 3), [3]);
 * console.log(await backend.softmax(x).data());
 * backend.dispose();
 * ```
 */
export async function createBackend(
  name: "auto" | "wasm" | "webgpu" = "auto",
  options: BackendOptions = {},
): Promise<Backend> {
  switch (name) {
    case "wasm":
      return await startWasm(options);
    case "webgpu":
      return await startWebGpu(options);
    case "auto":
      return await isGpuWorthwhile(options) ? await startWebGpu(options) : await startWasm(options);
    default:
      throw new ConfigError(
        `Cannot start a backend named ${JSON.stringify(name)}: expected "auto", "wasm" or "webgpu"`,
      );
  }
}

async function startWasm(options: BackendOptions): Promise<Backend> {
  const { WasmBackend } = await import("./assembly/backend.ts");
  return await WasmBackend.create(options);
}

async function startWebGpu(options: BackendOptions): Promise<Backend> {
  const { WebGpuBackend } = await import("./gpu/backend.ts");
  return await WebGpuBackend.create(options);
}

async function isGpuWorthwhile({ device, powerPreference }: BackendOptions): Promise<boolean> {
  if (device) return true;
  const { hasHardwareAdapter } = await import("./gpu/device.ts");
  return await hasHardwareAdapter(powerPreference);
}

provideDefaultBackend(() => createBackend());
