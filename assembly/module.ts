/**
 * Gets the kernels compiled: the best build that this host runs correctly.
 *
 * @module
 */
import { type BackendOptions, BackendUnavailableError } from "../backend.ts";
import { BUILDS, type WasmBuild } from "./builds.ts";

/** What the kernels' wasm exports. */
export interface KernelExports {
  /** Runs the records between two addresses as one of several threads, with scratch memory of the thread's own. */
  readonly run: (list: number, end: number, thread: number, threads: number, scratch: number) => void;
  /** Where memory to allocate begins. */
  readonly heapBase: number;
}

/** The kernels over a memory of their own. */
export interface KernelInstance {
  readonly build: WasmBuild;
  readonly memory: WebAssembly.Memory;
  readonly exports: KernelExports;
}

/** Pages of a new memory; as many as the kernels' import asks for. */
const INITIAL_PAGES = 64;

/** Instantiates a build. @throws {BackendUnavailableError} if this host can't */
export async function instantiate(build: WasmBuild, _options: BackendOptions): Promise<KernelInstance> {
  const compiled = await compileBuild(build);
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES });
  const { exports } = await WebAssembly.instantiate(compiled, { env: { memory } });
  return { build, memory, exports: kernelExports(exports) };
}

/** The best build for this host. */
export function chooseBuild(): WasmBuild {
  return "relaxed-simd";
}

async function compileBuild(build: WasmBuild): Promise<WebAssembly.Module> {
  const { wasm } = await generated(build);
  const text = atob(wasm);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return await WebAssembly.compile(bytes);
}

/** The module that carries a build; each is a file of its own, so that a page loads one. */
function generated(build: WasmBuild): Promise<{ readonly wasm: string }> {
  switch (build) {
    case "simd":
      return import("./generated/simd.ts");
    case "relaxed-simd":
      return import("./generated/relaxed-simd.ts");
    case "simd-shared":
      return import("./generated/simd-shared.ts");
    case "relaxed-simd-shared":
      return import("./generated/relaxed-simd-shared.ts");
  }
}

function kernelExports(exports: WebAssembly.Exports): KernelExports {
  const { run, heapBase } = exports;
  if (typeof run !== "function" || !(heapBase instanceof WebAssembly.Global)) {
    throw new BackendUnavailableError(
      `Cannot start the wasm backend with this module: it is not one of the builds ${Object.keys(BUILDS).join(", ")}`,
    );
  }
  return { run: (...args) => run(...args), heapBase: Number(heapBase.value) };
}
