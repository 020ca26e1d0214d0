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
import { formatId, weightBytes } from "./encoders/weight.ts";
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

/** Rows of a weight that are staged at once on their way in or out: whole panels of 32, about 1 MiB. */
function stagedRows(width: number): number {
  return Math.max(32, (2 ** 18 / Math.max(width, 1)) & ~31);
}

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

  protected allocate(shape: readonly number[], dtype: DType, layout: Layout): Block {
    const bytes = layout === "weight" ? weightBytes(shape[0] ?? 0, shape[1] ?? 0, dtype) : sizeOf(shape) * 4;
    return this.#memory.allocate(bytes, PURPOSES[layout]);
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
    if (tensor.layout === "weight") return this.#downloadWeight(tensor, firstRow, count);
    this.flush();
    const values = tensor.dtype === "i32" ? this.#memory.words : this.#memory.floats;
    const from = tensor.storage.address / 4 + firstRow * tensor.width;
    return values.slice(from, from + count * tensor.width);
  }

  protected uploadRows(tensor: WasmTensor, firstRow: number, rows: Float32Array): void {
    if (tensor.layout === "weight") return this.#uploadWeight(tensor, firstRow, rows);
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

  /** Copies rows through a staging area, from which a kernel puts them into the weight's layout. */
  #uploadWeight({ storage, width, dtype }: WasmTensor, firstRow: number, rows: Float32Array): void {
    const rowsAtOnce = stagedRows(width);
    const staging = this.#memory.allocate(rowsAtOnce * width * 4, "engine");
    try {
      for (let from = 0; from * width < rows.length; from += rowsAtOnce) {
        const chunk = rows.subarray(from * width, (from + rowsAtOnce) * width);
        this.flush();
        this.#memory.floats.set(chunk, staging.address / 4);
        const [first, count] = [firstRow + from, chunk.length / width];
        this.#list.push(Kernel.writeRows, staging.address, storage.address, first, count, width, formatId(dtype));
      }
    } finally {
      this.#memory.free(staging);
    }
  }

  /** The opposite way of `#uploadWeight`. */
  #downloadWeight({ storage, width, dtype }: WasmTensor, firstRow: number, count: number): Float32Array {
    const rows = new Float32Array(count * width);
    const rowsAtOnce = stagedRows(width);
    const staging = this.#memory.allocate(rowsAtOnce * width * 4, "engine");
    try {
      for (let from = 0; from < count; from += rowsAtOnce) {
        const some = Math.min(rowsAtOnce, count - from);
        this.#list.push(
          Kernel.readRows,
          storage.address,
          staging.address,
          firstRow + from,
          some,
          width,
          formatId(dtype),
        );
        this.flush();
        const at = staging.address / 4;
        rows.set(this.#memory.floats.subarray(at, at + some * width), from * width);
      }
    } finally {
      this.#memory.free(staging);
    }
    return rows;
  }
}
