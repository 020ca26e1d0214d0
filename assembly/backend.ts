/**
 * The CPU engine: WebAssembly SIMD kernels over a command list.
 *
 * @module
 */
import type { BackendInfo, BackendOptions, DType } from "../backend.ts";
import type { Command } from "../engine/commands.ts";
import { Engine } from "../engine/engine.ts";
import { type Layout, sizeOf } from "../engine/tensor.ts";
import type { WasmBuild } from "./builds.ts";
import { CommandList } from "./command_list.ts";
import { encode } from "./encode.ts";
import type { Recorder, WasmTensor } from "./encoders/encoder.ts";
import { Kernel } from "./kernel_id.ts";
import { type Block, Memory, type Purpose } from "./memory.ts";
import { chooseBuild, instantiate, type KernelInstance } from "./module.ts";

/** Scratch memory of a thread; kernels know it as SCRATCH_BYTES. */
const SCRATCH_BYTES = 1 << 20;
/** Uploads up to this size travel in the command list. */
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
  readonly #memory: Memory;
  readonly #list: CommandList;
  /** Temporaries of the command that is being encoded. */
  readonly #temporaries: Block[] = [];

  /**
   * Starts the engine.
   *
   * @param build Which build of the kernels to run instead of the best one for this host.
   * @throws {BackendUnavailableError} if this host lacks what every build needs
   */
  static async create(options: BackendOptions = {}, build?: WasmBuild): Promise<WasmBackend> {
    return new WasmBackend(await instantiate(build ?? chooseBuild(), options));
  }

  private constructor({ build, memory, exports }: KernelInstance) {
    super();
    this.info = { description: `WebAssembly (${build}), 1 thread`, threads: 1, features: [build] };
    this.#memory = new Memory(memory, exports.heapBase);
    const scratch = this.#memory.allocate(SCRATCH_BYTES, "engine").address;
    this.#list = new CommandList(this.#memory, (start, end) => exports.run(start, end, 0, 1, scratch));
  }

  flush(): void {
    this.#list.flush();
  }

  push(kernel: Kernel, ...args: readonly number[]): void {
    this.#list.push(kernel, ...args);
  }

  temporary(bytes: number): number {
    const block = this.#memory.allocate(bytes, "activations");
    this.#temporaries.push(block);
    return block.address;
  }

  protected allocate(shape: readonly number[], _dtype: DType, layout: Layout): Block {
    return this.#memory.allocate(sizeOf(shape) * 4, PURPOSES[layout]);
  }

  protected release(block: Block): void {
    this.#memory.free(block);
  }

  protected upload(tensor: WasmTensor, data: Float32Array | Int32Array): void {
    const { address } = tensor.storage;
    if (data.byteLength <= INLINE_BYTES) {
      this.#list.pushData(Kernel.inline, [address, data.byteLength], data);
      return;
    }
    this.flush();
    const values = data instanceof Float32Array ? this.#memory.floats : this.#memory.words;
    values.set(data, address / 4);
  }

  protected clear({ storage }: WasmTensor): void {
    if (!storage.isFresh) this.#list.push(Kernel.zero, storage.address, storage.bytes);
  }

  // deno-lint-ignore require-await
  protected async download(tensor: WasmTensor, firstRow: number, count: number): Promise<Float32Array | Int32Array> {
    this.flush();
    const values = tensor.dtype === "i32" ? this.#memory.words : this.#memory.floats;
    const from = tensor.storage.address / 4 + firstRow * tensor.width;
    return values.slice(from, from + count * tensor.width);
  }

  protected uploadRows(tensor: WasmTensor, firstRow: number, rows: Float32Array): void {
    this.flush();
    this.#memory.floats.set(rows, tensor.storage.address / 4 + firstRow * tensor.width);
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
  }
}
