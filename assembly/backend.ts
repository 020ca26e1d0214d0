/**
 * The CPU engine: WebAssembly SIMD kernels that run a list of commands.
 *
 * @module
 */
import {
  type BackendInfo,
  type BackendOptions,
  BackendUnavailableError,
  ConfigError,
  DisposedError,
  type DType,
} from "../backend.ts";
import type { Command } from "../engine/commands.ts";
import { Engine } from "../engine/engine.ts";
import { type Layout, sizeOf } from "../engine/tensor.ts";
import { candidates, compileBuild, type WasmBuild } from "./builds.ts";
import { CommandList } from "./command_list.ts";
import { SCRATCH_BYTES } from "./constants.ts";
import { encode } from "./encode.ts";
import type { Recorder, WasmTensor } from "./encoders/encoder.ts";
import { weightBytes } from "./encoders/weight.ts";
import { type Instance, instantiate } from "./instance.ts";
import { Kernel } from "./kernel_id.ts";
import { type Block, Memory, type Purpose } from "./memory.ts";
import { computesCorrectly } from "./self_test.ts";
import { readWeightRows, writeWeightRows } from "./weight_rows.ts";

/** Uploads up to this size travel in the command list; larger ones run what is in it first. */
const INLINE_BYTES = 1 << 16;

const PURPOSES: { readonly [layout in Layout]: Purpose } = {
  rows: "activations",
  weight: "weights",
  cache: "caches",
};

/** A memory and the commands that wait to be run in it. */
interface Running {
  readonly memory: Memory;
  readonly list: CommandList;
}

/** Tensors and operations on the CPU, in WebAssembly. */
export class WasmBackend extends Engine<Block> implements Recorder {
  readonly name = "wasm";
  readonly info: BackendInfo;
  /** Gone after `dispose()`, and with it the memory. */
  #running: Running | undefined;
  /** Temporaries of the command that is being encoded. */
  readonly #temporaries: Block[] = [];

  /**
   * Starts the engine on the best build of the kernels that this host runs, and runs correctly.
   *
   * @param build One build to run, whichever is best.
   * @throws {BackendUnavailableError} if this host lacks what every build needs
   */
  static async create(options: BackendOptions = {}, build?: WasmBuild): Promise<WasmBackend> {
    const { threads = 1, wasm } = options;
    if (!Number.isInteger(threads) || threads < 1) {
      throw new ConfigError(`Cannot compute on threads = ${threads}: give a whole number of at least 1`);
    }
    const tried = build ? [{ name: build, compile: () => compileBuild(build) }] : candidates(wasm);
    for (const { name, compile } of tried) {
      const backend = new WasmBackend(await instantiate(name, await compile()));
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

  private constructor({ memory: wasmMemory, kernels }: Instance) {
    super();
    const features = ["simd", ...(kernels.isRelaxed ? ["relaxed-simd"] : [])];
    this.info = { description: `WebAssembly (${features.join(", ")}), 1 thread`, threads: 1, features };
    const memory = new Memory(wasmMemory, kernels.heapBase);
    const scratch = memory.allocate(SCRATCH_BYTES, "engine").address;
    const list = new CommandList(memory, (start, end) => kernels.run(start, end, 0, 1, scratch));
    this.#running = { memory, list };
  }

  flush(): void {
    this.#list.flush();
  }

  push(kernel: Kernel, ...args: readonly number[]): void {
    this.#list.push(kernel, args);
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
    if (!storage.isFresh) this.push(Kernel.zero, storage.address, storage.bytes);
  }

  protected uploadRows(tensor: WasmTensor, firstRow: number, rows: Float32Array): void {
    if (tensor.layout === "weight") return writeWeightRows(this.#memory, this.#list, tensor, firstRow, rows);
    const values = tensor.dtype === "i32" ? Int32Array.from(rows) : rows;
    this.#write(tensor.storage.address + firstRow * tensor.width * 4, values);
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  protected async download(tensor: WasmTensor, firstRow: number, count: number): Promise<Float32Array | Int32Array> {
    if (tensor.layout === "weight") return readWeightRows(this.#memory, this.#list, tensor, firstRow, count);
    this.flush();
    const values = tensor.dtype === "i32" ? this.#memory.words : this.#memory.floats;
    const from = tensor.storage.address / 4 + firstRow * tensor.width;
    return values.slice(from, from + count * tensor.width);
  }

  protected record(command: Command<WasmTensor>): void {
    try {
      encode(command, this);
    } finally {
      // What is recorded from here on runs later, so it may have this memory.
      for (const block of this.#temporaries.splice(0)) this.#memory.free(block);
    }
  }

  protected shutDown(): void {
    this.#running = undefined;
  }

  get #memory(): Memory {
    return this.#alive().memory;
  }

  get #list(): CommandList {
    return this.#alive().list;
  }

  /** Writes values in order with the commands recorded so far. */
  #write(address: number, data: Float32Array | Int32Array): void {
    if (data.byteLength <= INLINE_BYTES) {
      this.#list.pushData(Kernel.inline, [address, data.byteLength], data);
      return;
    }
    this.flush();
    const values = data instanceof Float32Array ? this.#memory.floats : this.#memory.words;
    values.set(data, address / 4);
  }

  #alive(): Running {
    if (this.#running === undefined) {
      throw new DisposedError("Cannot use the wasm backend after it was disposed: create one");
    }
    return this.#running;
  }
}
