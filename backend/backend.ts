/**
 * The contract between engines and models.
 *
 * An engine records operations and runs them later. An operation checks its arguments, allocates its result and appends
 * a command; commands run at `flush()`, or when `data()` asks for a value. Only reading is asynchronous, so model code
 * is straight-line code, and a mistake in a shape is thrown on the line that makes it.
 *
 * @module
 */

import type { Memory, WeightFormat } from "./memory.ts";
import type { Operations } from "./operations/table.ts";
import type { SelfTestOptions, SelfTestReport } from "./self_test.ts";
import type { Training } from "./training.ts";

/**
 * What an engine is and what it found on this host.
 *
 * @category Backends
 */
export interface BackendInfo {
  /** One line for people: the engine, its variant and its device. */
  readonly description: string;
  /** Threads that compute: the first one and the helpers that have joined it so far. */
  readonly threads: number;
  /** Optional capabilities in use, such as "relaxed-simd" or "shader-f16". */
  readonly features: readonly string[];
  /** What a thread of the CPU engine reads in turns. */
  readonly readsInTurns?: ReadingInTurns | undefined;
  /**
   * Steps of generation worth recording before the first one's token is read: what keeps a device busy beside the host.
   * Absent: 0.
   */
  readonly stepsAhead?: number;
}

/**
 * Which weights a thread of the CPU engine reads several parts of in turns when it writes text, rather than one part
 * after the other. Which is faster depends on the processor and the format; undefined: not measured yet. Values are the
 * same.
 *
 * @category Backends
 */
export interface ReadingInTurns {
  /** Those in f32 and f16. */
  readonly values: boolean | undefined;
  /** Those in q8_0 and q4_0. */
  readonly blocks: boolean | undefined;
}

/**
 * A `WebAssembly.Module`; TypeScript's libraries know that class only where they know pages.
 *
 * @category Backends
 */
export type WasmModule = object;

/**
 * A `GPUDevice`, told by two of its members, so that programs without WebGPU need no types of it.
 *
 * @category Backends
 */
export interface GpuDevice {
  /** What the device can do at most. */
  readonly limits: object;
  /** Makes a buffer. */
  createBuffer(descriptor: never): object;
}

/**
 * How an engine is started. An option that an engine has no use for is ignored.
 *
 * @category Backends
 */
export interface BackendOptions {
  /**
   * Threads that compute on the CPU. Default: as many as the host has, up to 16, where it lets memory be shared; else
   * 1.
   */
  readonly threads?: number | undefined;
  /**
   * The CPU kernels compiled beforehand, for hosts that forbid compiling (Cloudflare Workers): one module, which the
   * npm package exports as "@andromeda/runtime/relaxed-simd.wasm" and the like, or several by the name of their build,
   * of which the best one is taken.
   */
  readonly wasm?: WasmModule | { readonly [build: string]: WasmModule } | undefined;
  /**
   * Where the script of the CPU engine's workers is served, for pages whose policy forbids blobs as scripts and that
   * are bundled without it: the npm package exports it as "@andromeda/runtime/worker.js".
   */
  readonly workerUrl?: string | URL | undefined;
  /**
   * Whether the CPU engine computes in a worker, so that this thread stays free, as that of a server should. Weights
   * must then fit into one memory of 3 GiB. Default: in pages, where the thread would stop drawing, and not elsewhere.
   * A page's own thread computes alone, because it must not wait for others.
   */
  readonly inWorker?: boolean | undefined;
  /**
   * Whether threads of the CPU engine read several parts of a weight in turns when they write text, see
   * `ReadingInTurns`. Default: what proves faster in the first tokens of the process.
   */
  readonly readsInTurns?: boolean | undefined;
  /** The GPU device to run on; it belongs to the caller and is not destroyed by `dispose()`. */
  readonly device?: GpuDevice | undefined;
  /** Which GPU to ask for. */
  readonly powerPreference?: "low-power" | "high-performance" | undefined;
}

/**
 * An engine: memory, and the operations of a transformer.
 *
 * What shares an engine shares no values: the results of a call depend on its arguments alone, not on what memory held
 * before, nor on calls that failed, nor on a NaN in another model.
 *
 * @category Backends
 */
export interface Backend extends Memory, Operations, Training {
  /** Which engine this is. */
  readonly name: "wasm" | "webgpu";
  /** What it runs on. */
  readonly info: BackendInfo;
  /** The formats of weights that it has kernels for; f32 is always among them. */
  readonly formats: readonly WeightFormat[];

  /** Starts what was recorded. */
  flush(): void;
  /**
   * Prepares what the operations in `work` need, so that their first run is as fast as the later ones: on a GPU their
   * kernels are compiled, side by side and without stopping the page. They are not run, and what they make is freed.
   */
  warmUp(work: () => unknown): Promise<void>;
  /**
   * Runs every operation, in every form that its kernels have, and compares what they give with values computed in
   * float64: whether this engine is right on this processor, adapter and driver. Wrong values and errors go into the
   * report; only a canceled test, and one whose backend is disposed of, rejects. Its code is loaded on demand.
   */
  selfTest(options?: SelfTestOptions): Promise<SelfTestReport>;
  /** Frees everything. Tensors of this engine can't be used afterwards. */
  dispose(): void;
}
