/**
 * Chooses an engine for this host, and loads the code of no other: a page that computes on the CPU downloads no
 * shaders, 27 KB of gzip.
 *
 * @module
 */

import type { Backend, BackendOptions } from "./backend/backend.ts";
import { show } from "./common/show.ts";
import { ConfigError } from "./errors.ts";

/**
 * Starts an engine.
 *
 * @param name "auto" takes WebGPU where a hardware adapter is found and WebAssembly otherwise.
 * @throws {BackendUnavailableError} If a named engine can't start on this host: why, and what would make it start.
 * @throws {ConfigError} For a name or an option that there is not.
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
 *
 * @category Backends
 */
export async function createBackend(
  name: "auto" | "wasm" | "webgpu" = "auto",
  options: BackendOptions = {},
): Promise<Backend> {
  checkOptions(options);
  switch (name) {
    case "wasm":
      return await startWasm(options);
    case "webgpu":
      return await startWebGpu(options);
    case "auto":
      return await isGpuWorthwhile(options) ? await startWebGpu(options) : await startWasm(options);
    default:
      throw new ConfigError(
        `Cannot start a backend named ${show(name)}: expected "auto", "wasm" or "webgpu"`,
      );
  }
}

/** The rule of an option that is given. */
interface OptionRule {
  readonly expected: string;
  isMet(value: unknown): boolean;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const OPTION_RULES: { readonly [name in keyof Required<BackendOptions>]: OptionRule } = {
  threads: { expected: "a number", isMet: (value) => typeof value === "number" },
  wasm: { expected: "a WebAssembly.Module, or an object of several", isMet: isObject },
  workerUrl: { expected: "a URL", isMet: (value) => typeof value === "string" || value instanceof URL },
  inWorker: { expected: "true or false", isMet: (value) => typeof value === "boolean" },
  readsInTurns: { expected: "true or false", isMet: (value) => typeof value === "boolean" },
  device: {
    expected: "a GPUDevice",
    isMet: (value) => isObject(value) && "createBuffer" in value && "limits" in value,
  },
  powerPreference: {
    expected: '"low-power" or "high-performance"',
    isMet: (value) => value === "low-power" || value === "high-performance",
  },
};

function checkOptions(options: BackendOptions): void {
  if (!isObject(options)) {
    throw new ConfigError(`Cannot start a backend with options = ${show(options)}: give an object`);
  }
  for (const [name, { expected, isMet }] of Object.entries(OPTION_RULES)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined || isMet(value)) continue;
    throw new ConfigError(`Cannot start a backend with ${name} = ${show(value)}: expected ${expected}`);
  }
}

async function startWasm(options: BackendOptions): Promise<Backend> {
  const { WasmBackend } = await import("./assembly/backend.ts");
  return await WasmBackend.create(options);
}

async function startWebGpu(options: BackendOptions): Promise<Backend> {
  const { WebGpuBackend } = await import("./gpu/backend.ts");
  // That it is one was checked as far as can be without WebGPU's classes, which not every host has.
  return await WebGpuBackend.create({ ...options, device: options.device as GPUDevice | undefined });
}

async function isGpuWorthwhile({ device, powerPreference }: BackendOptions): Promise<boolean> {
  if (device) return true;
  const { hasHardwareAdapter } = await import("./gpu/device/device.ts");
  return await hasHardwareAdapter(powerPreference);
}
