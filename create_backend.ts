/**
 * Chooses an engine for this host.
 *
 * @module
 */
import { WasmBackend } from "./assembly/backend.ts";
import { type Backend, type BackendOptions, ConfigError } from "./backend.ts";
import { WebGpuBackend } from "./gpu/backend.ts";
import { hasHardwareAdapter } from "./gpu/device.ts";
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
      return await WasmBackend.create(options);
    case "webgpu":
      return await WebGpuBackend.create(options);
    case "auto": {
      const isWorthwhile = options.device !== undefined || await hasHardwareAdapter(options.powerPreference);
      return isWorthwhile ? await WebGpuBackend.create(options) : await WasmBackend.create(options);
    }
    default:
      throw new ConfigError(
        `Cannot start a backend named ${JSON.stringify(name)}: expected "auto", "wasm" or "webgpu"`,
      );
  }
}

provideDefaultBackend(() => createBackend());
