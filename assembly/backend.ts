/**
 * The CPU engine: WebAssembly SIMD kernels that run a list of commands.
 *
 * @module
 */
import {
  type BackendInfo,
  type BackendOptions,
  BackendUnavailableError,
  DisposedError,
  type DType,
} from "../backend.ts";
import type { Command } from "../engine/commands.ts";
import { Engine } from "../engine/engine.ts";
import { type Layout, sizeOf } from "../engine/tensor.ts";
import { candidateOf, candidates, type WasmBuild } from "./builds.ts";
import { CommandList } from "./command_list.ts";
import { encode } from "./encode.ts";
import type { Recorder, WasmTensor } from "./encoders/encoder.ts";
import { weightBytes } from "./encoders/weight.ts";
import { Kernel } from "./kernel_id.ts";
import type { Machine } from "./machine.ts";
import { type Block, Memory, type Purpose } from "./memory.ts";
import { computesCorrectly } from "./self_test.ts";
import { planThreads, startMachine } from "./start.ts";
import { readWeightRows, type Staging, writeWeightRows } from "./weight_rows.ts";
import { isWorthSharing, WORTH_SHARING } from "./work.ts";

/** Uploads up to this size travel in the command list; larger ones run what is in it first. */
const INLINE_BYTES = 1 << 16;

const PURPOSES: { readonly [layout in Layout]: Purpose } = {
  rows: "activations",
  weight: "weights",
  cache: "caches",
};

/** Tensors and operations on the CPU, in WebAssembly. */
export class WasmBackend extends Engine<Block> implements Recorder {
  readonly name = "wasm";
  readonly info: BackendInfo;
  /** The machine, its memory and the commands that wait to be run in it; gone after `dispose()`. */
  #running: Staging | undefined;
  /** Whether the records that are being encoded are for several threads. */
  #isShared = false;
  /** Temporaries of the command that is being encoded. */
  readonly #temporaries: Block[] = [];

  /**
   * Starts the engine on the best build of the kernels that this host runs, and runs correctly. In a page it computes in a worker; where
   * the page's policy allows none, in place.
   *
   * @param build One build to run, whichever is best.
   * @throws {BackendUnavailableError} if this host lacks what every build needs, or the threads that were asked for
   */
  static async create(options: BackendOptions = {}, build?: WasmBuild): Promise<WasmBackend> {
    const plan = await planThreads(options.threads);
    const tried = build ? [candidateOf(build)] : candidates(options.wasm, plan);
    for (const candidate of tried) {
      const machine = await startMachine(candidate, plan, options.workerUrl);
      if (!machine) continue;
      const backend = new WasmBackend(machine);
      if (await computesCorrectly(backend)) return backend;
      backend.dispose();
    }
    throw new BackendUnavailableError(
      `Cannot start the wasm backend: ${
        tried.map(({ name }) => name).join(" and ")
      } give wrong results on this host. ` +
        `Update the browser or runtime, or use the webgpu backend`,
    );
  }

  private constructor(machine: Machine) {
    super();
    this.info = infoOf(machine);
    const list = new CommandList((words, isShared) => machine.run(words, isShared));
    this.#running = { machine, memory: new Memory(machine, machine.base), list };
  }

  flush(): void {
    this.#alive().list.flush();
  }

  push(kernel: Kernel, ...args: readonly number[]): void {
    this.#alive().list.push(kernel, args, this.#isShared);
  }

  temporary(bytes: number): number {
    const block = this.#memory.allocate(bytes, "activations");
    this.#temporaries.push(block);
    return block.address;
  }

  protected allocate(shape: readonly number[], dtype: DType, layout: Layout): Block {
    const bytes = layout === "weight" ? weightBytes(shape[0] ?? 0, shape[1] ?? 0, dtype) : sizeOf(shape) * 4;
    return this.#memory.allocate(bytes, PURPOSES[layout]);
  }

  protected release(block: Block): void {
    this.#memory.free(block);
  }

  protected upload({ storage }: WasmTensor, data: Float32Array | Int32Array): void {
    this.#write(storage.address, data);
  }

  protected clear({ storage }: WasmTensor): void {
    if (storage.isFresh) return;
    const isShared = storage.bytes / 4 >= WORTH_SHARING;
    this.#alive().list.push(Kernel.zero, [storage.address, storage.bytes], isShared);
  }

  protected uploadRows(tensor: WasmTensor, firstRow: number, rows: Float32Array): void {
    if (tensor.layout === "weight") return writeWeightRows(this.#alive(), tensor, firstRow, rows);
    const values = tensor.dtype === "i32" ? Int32Array.from(rows) : rows;
    this.#write(tensor.storage.address + firstRow * tensor.width * 4, values);
  }

  protected async download(tensor: WasmTensor, firstRow: number, count: number): Promise<Float32Array | Int32Array> {
    if (tensor.layout === "weight") return await readWeightRows(this.#alive(), tensor, firstRow, count);
    this.flush();
    const stride = tensor.width * 4;
    const bytes = await this.#alive().machine.read(tensor.storage.address + firstRow * stride, count * stride);
    return tensor.dtype === "i32" ? new Int32Array(bytes) : new Float32Array(bytes);
  }

  protected record(command: Command<WasmTensor>): void {
    this.#isShared = isWorthSharing(command);
    try {
      encode(command, this);
    } finally {
      // What is recorded from here on runs later, so it may have this memory.
      for (const block of this.#temporaries.splice(0)) this.#memory.free(block);
    }
  }

  protected shutDown(): void {
    this.#running?.machine.dispose();
    this.#running = undefined;
  }

  get #memory(): Memory {
    return this.#alive().memory;
  }

  /** Writes values in order with the commands recorded so far. */
  #write(address: number, data: Float32Array | Int32Array): void {
    if (data.byteLength <= INLINE_BYTES) {
      this.#alive().list.pushData(Kernel.inline, [address, data.byteLength], data);
      return;
    }
    this.flush();
    this.#alive().machine.write(address, data);
  }

  #alive(): Staging {
    if (this.#running === undefined) {
      throw new DisposedError("Cannot use the wasm backend after it was disposed: create one");
    }
    return this.#running;
  }
}

function infoOf(machine: Machine): BackendInfo {
  const isThreaded = machine.threads > 1;
  const features = ["simd", ...(machine.isRelaxed ? ["relaxed-simd"] : []), ...(isThreaded ? ["threads"] : [])];
  return {
    get description() {
      return `WebAssembly (${features.join(", ")}), ${this.threads} thread${this.threads === 1 ? "" : "s"}`;
    },
    get threads() {
      return machine.threads;
    },
    features,
  };
}
