/**
 * The CPU engine: WebAssembly SIMD kernels that run a list of commands.
 *
 * @module
 */

import type { BackendInfo, BackendOptions } from "../backend/backend.ts";
import type { DType } from "../backend/memory.ts";
import { sizeOf } from "../common/shape.ts";
import type { Command } from "../engine/commands.ts";
import { Engine } from "../engine/engine.ts";
import type { Layout } from "../engine/tensor.ts";
import { BackendUnavailableError, DisposedError, OutOfMemoryError } from "../errors.ts";
import { FORMATS } from "../formats/formats.ts";
import { rowBytes } from "../formats/rows.ts";
import { hasNodeModules, nodeModule } from "../host/node.ts";
import { candidateOf, candidates, type WasmBuild } from "./machine/builds.ts";
import { LocalMachine } from "./machine/local_machine.ts";
import type { Machine } from "./machine/machine.ts";
import { computesCorrectly } from "./machine/self_test.ts";
import { planThreads, startMachine } from "./machine/start.ts";
import type { Block, Purpose } from "./memory/memory.ts";
import { MemorySpace } from "./memory/memory_space.ts";
import { copyBetween, type LocalSpace, runInSpill } from "./memory/spilled_weights.ts";
import { readConvertedRows, readStoredRows, writeStoredRows, writeWeightRows } from "./memory/weight_rows.ts";
import type { CommandFor, WasmTensor } from "./records/encoders/encoder.ts";
import { WASM_FORMATS, weightBytes } from "./records/encoders/weight.ts";

/** Bytes of weights in one memory; the rest of its 4 GiB is for caches, activations and staging. */
const MOST_WEIGHT_BYTES = 3 * 2 ** 30;

const PURPOSES: { readonly [layout in Layout]: Purpose } = {
  rows: "activations",
  weight: "weights",
  cache: "caches",
};

/** Tensors and operations on the CPU, in WebAssembly. */
export class WasmBackend extends Engine<Block> {
  readonly name = "wasm";
  readonly formats = WASM_FORMATS;
  readonly info: BackendInfo;
  /** The memory of everything that fits; undefined after `dispose()`. */
  #main: MemorySpace | undefined;
  /** Memories of further weights. */
  readonly #spills: LocalSpace[] = [];
  /** The memory of each weight that is in a further one. */
  readonly #spillOf = new WeakMap<Block, LocalSpace>();
  readonly #limits: Limits;

  /**
   * Starts the engine on the best build of the kernels that this host runs correctly. In a page it computes in a
   * worker, or in place if the page's policy allows no worker; elsewhere in place, unless a worker is asked for.
   *
   * @param build The build to run, even if it is not the best.
   * @param weightBytes Bytes of weights in one memory before another one is started.
   * @throws {BackendUnavailableError} If this host lacks what every build needs, or the threads that were asked for.
   */
  static async create(
    options: BackendOptions = {},
    build?: WasmBuild,
    weightBytes = MOST_WEIGHT_BYTES,
  ): Promise<WasmBackend> {
    const limits = { weightBytes, hostBytes: hostBytes() };
    const plan = planThreads(options);
    const tried = build ? [candidateOf(build)] : candidates(options.wasm, plan);
    for (const candidate of tried) {
      const machine = await startMachine(candidate, plan, options);
      if (!machine) continue;
      const backend = new WasmBackend(machine, limits, candidate.isShared);
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

  private constructor(machine: Machine, limits: Limits, isThreaded: boolean) {
    super();
    this.info = infoOf(machine, isThreaded);
    this.#main = new MemorySpace(machine);
    this.#limits = limits;
  }

  flush(): void {
    for (const { list } of this.#spaces()) list.flush();
  }

  protected allocate(shape: readonly number[], dtype: DType, layout: Layout): Block {
    if (layout === "weight") return this.#allocateWeight(weightBytes(shape[0] ?? 0, shape[1] ?? 0, dtype));
    const width = shape.at(-1) ?? 1;
    const bytes = layout === "cache" ? sizeOf(shape.slice(0, -1)) * rowBytes(FORMATS[dtype], width) : sizeOf(shape) * 4;
    return this.#alive().memory.allocate(bytes, PURPOSES[layout]);
  }

  protected release(block: Block): void {
    this.#spaceOf(block).memory.free(block);
  }

  protected upload({ storage }: WasmTensor, data: Float32Array | Int32Array): void {
    this.#alive().write(storage.address, data);
  }

  protected clear({ storage }: WasmTensor): void {
    this.#spaceOf(storage).clear(storage);
  }

  protected uploadRows(tensor: WasmTensor, firstRow: number, rows: Float32Array | Int32Array): void {
    if (rows instanceof Float32Array && tensor.layout === "weight") {
      return writeWeightRows(this.#spaceOf(tensor.storage), tensor, firstRow, rows);
    }
    this.#alive().write(tensor.storage.address + firstRow * tensor.width * 4, rows);
  }

  protected uploadStored(weight: WasmTensor, firstRow: number, rows: Uint8Array): void {
    writeStoredRows(this.#spaceOf(weight.storage), weight, firstRow, rows);
  }

  protected async downloadStored(weight: WasmTensor, firstRow: number, count: number): Promise<Uint8Array> {
    return await readStoredRows(this.#spaceOf(weight.storage), weight, firstRow, count);
  }

  protected async download(tensor: WasmTensor, firstRow: number, count: number): Promise<Float32Array | Int32Array> {
    if (tensor.layout !== "rows") {
      return await readConvertedRows(this.#spaceOf(tensor.storage), tensor, firstRow, count);
    }
    const stride = tensor.width * 4;
    const bytes = await this.#alive().read(tensor.storage.address + firstRow * stride, count * stride);
    return tensor.dtype === "i32" ? new Int32Array(bytes) : new Float32Array(bytes);
  }

  protected append(command: Command<WasmTensor>): void {
    const main = this.#alive();
    if (command.op === "clone") {
      return clone(command, this.#spaceOf(command.x.storage), this.#spaceOf(command.out.storage));
    }
    const isWeighted = command.op === "linear" || command.op === "embedding";
    const spill = isWeighted ? this.#spillOf.get(command.weight.storage) : undefined;
    if (isWeighted && spill && isLocal(main)) runInSpill(command, main, spill);
    else main.record(command);
  }

  protected shutDown(): void {
    const reason = new DisposedError(
      "Cannot finish what the wasm backend was computing: it was disposed meanwhile; dispose of it later",
    );
    for (const { list, machine } of this.#spaces()) {
      list.close(reason);
      machine.dispose();
    }
    this.#spills.length = 0;
    this.#main = undefined;
  }

  /** Allocates memory for a weight, in the first memory that has space. */
  #allocateWeight(bytes: number): Block {
    const { weightBytes, hostBytes } = this.#limits;
    const spaces = this.#spaces();
    const held = spaces.reduce((sum, { memory }) => sum + memory.held("weights"), 0);
    if (held + bytes > hostBytes) refuse(bytes, held, hostBytes);
    const hasSpace = ({ memory }: MemorySpace) => memory.held("weights") + bytes <= weightBytes;
    const space = spaces.find(hasSpace) ?? this.#addSpill() ?? this.#alive();
    const block = space.memory.allocate(bytes, "weights");
    if (isLocal(space) && this.#spills.includes(space)) this.#spillOf.set(block, space);
    return block;
  }

  /** Another memory for weights; undefined if the host gives none. */
  #addSpill(): MemorySpace | undefined {
    const main = this.#alive();
    const machine = isLocal(main) ? main.machine.another() : undefined;
    if (!machine) return undefined;
    const spill = new MemorySpace(machine);
    this.#spills.push(spill);
    return spill;
  }

  #spaceOf(block: Block): MemorySpace {
    return this.#spillOf.get(block) ?? this.#alive();
  }

  #spaces(): MemorySpace[] {
    return [this.#alive(), ...this.#spills];
  }

  #alive(): MemorySpace {
    if (this.#main === undefined) {
      throw new DisposedError("Cannot use the wasm backend after it was disposed: create one");
    }
    return this.#main;
  }
}

/** Bytes that weights may take. */
interface Limits {
  /** In one memory. */
  readonly weightBytes: number;
  /** On this host. */
  readonly hostBytes: number;
}

/** Memory of the machine; Infinity if the host does not tell, or only with a permission that was not granted. */
function hostBytes(): number {
  if (!hasNodeModules()) return Infinity;
  const { Deno: deno } = globalThis as { Deno?: typeof Deno };
  const permission = deno?.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  if (permission && permission.state !== "granted") return Infinity;
  const { totalmem } = nodeModule("node:os");
  return totalmem();
}

function refuse(bytes: number, held: number, hostBytes: number): never {
  const gigabytes = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  throw new OutOfMemoryError(
    `Cannot allocate ${gigabytes(bytes)} for weights beside the ${gigabytes(held)} that are held: this machine has ` +
      `${gigabytes(hostBytes)}. Use a smaller weight format (dtype "q8_0" or "q4_0"), or a smaller model`,
  );
}

function isLocal(space: MemorySpace): space is LocalSpace {
  return space.machine instanceof LocalMachine;
}

/** Copies a tensor; a weight's copy may be in another memory. */
function clone(command: CommandFor<"clone">, from: MemorySpace, to: MemorySpace): void {
  if (from === to || !isLocal(from) || !isLocal(to)) return to.record(command);
  from.list.flush();
  to.list.flush();
  const { x, out } = command;
  copyBetween(from, x.storage, to, out.storage, x.storage.bytes / 4);
}

function infoOf(machine: Machine, isThreaded: boolean): BackendInfo {
  const features = ["simd", ...(machine.isRelaxed ? ["relaxed-simd"] : []), ...(isThreaded ? ["threads"] : [])];
  return {
    get description() {
      return `WebAssembly (${features.join(", ")}), ${this.threads} thread${this.threads === 1 ? "" : "s"}`;
    },
    get threads() {
      return machine.threads;
    },
    get readsInTurns() {
      return machine.readsInTurns;
    },
    features,
  };
}
