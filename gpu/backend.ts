/**
 * The GPU engine: WGSL kernels over WebGPU.
 *
 * @module
 */

import type { BackendInfo } from "../backend/backend.ts";
import type { DType } from "../backend/memory.ts";
import { sizeOf } from "../common/shape.ts";
import type { Command } from "../engine/commands.ts";
import { Engine } from "../engine/engine.ts";
import type { Layout } from "../engine/tensor.ts";
import { ConfigError } from "../errors.ts";
import { FORMATS } from "../formats/formats.ts";
import { decodeRows, encodeRows, rowBytes } from "../formats/rows.ts";
import { type Flavor, openDevice, OPTIONAL_FEATURES, type Profile, type WebGpuOptions } from "./device/device.ts";
import { Faults } from "./device/faults.ts";
import { Readback } from "./device/readback.ts";
import { type Kernel, Pipelines } from "./dispatch/pipelines.ts";
import { type Counters, type Dispatch, type Mark, Recorder } from "./dispatch/recorder.ts";
import { Buffers, type GpuBuffer } from "./memory/buffers.ts";
import { type GpuStorage, type GpuTensor, rangesOf, startOf } from "./memory/storage.ts";
import { GPU_FORMATS, packRows, rowStride, unpackRows } from "./memory/weights.ts";
import { type Commands, fuse } from "./operations/fusion.ts";
import type { Operations } from "./operations/operation.ts";
import { run } from "./operations/run.ts";

export { ShaderError } from "./device/faults.ts";
export type { Flavor, WebGpuOptions } from "./device/device.ts";

/** What the engine did and holds, for benchmarks and for tests that nothing is read back in secret. */
export interface WebGpuStats extends Readonly<Counters> {
  /** Kernels specialized so far. */
  readonly kernels: number;
  /** Bind groups kept for reuse. */
  readonly bindGroups: number;
  /** Bytes of all buffers, those kept for reuse included. */
  readonly bufferBytes: number;
  /** Bytes kept for reuse. */
  readonly pooledBytes: number;
}

/** Commands whose dispatches were recorded together, and where these begin and end. */
interface Recorded {
  readonly commands: Commands;
  readonly run: (gpu: Operations) => void;
  readonly from: Mark;
  readonly to: Mark;
}

const DEFAULT_POOL_BYTES = 512 * 2 ** 20;

/** Tensors and operations on a GPU. */
export class WebGpuBackend extends Engine<GpuStorage> {
  readonly name = "webgpu";
  readonly formats = GPU_FORMATS;
  readonly info: BackendInfo;
  /** The kernels that it uses. */
  readonly flavor: Flavor;
  readonly #profile: Profile;
  readonly #faults: Faults;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #recorder: Recorder;
  readonly #readback: Readback;
  /** Buffers of the command at hand. */
  readonly #temporaries: GpuBuffer[] = [];
  readonly #operations: Operations;
  /** What was recorded last, which the next command may join. */
  #last: Recorded | undefined;

  /**
   * Starts the engine on the device that was given, or on one of its own.
   *
   * @throws {BackendUnavailableError} Where there is no WebGPU, no adapter or no device.
   */
  static async create(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
    return new WebGpuBackend(await openDevice(options), options.poolBytes ?? DEFAULT_POOL_BYTES);
  }

  private constructor(profile: Profile, poolBytes: number) {
    super();
    this.#profile = profile;
    this.flavor = profile.flavor;
    this.#faults = new Faults(profile.device);
    this.#pipelines = new Pipelines(profile.device, this.#faults);
    this.#buffers = new Buffers(profile, this.#faults, poolBytes, (buffer) => this.#pipelines.forget(buffer));
    this.#recorder = new Recorder(profile, this.#faults, this.#buffers, this.#pipelines);
    this.#readback = new Readback(profile, this.#faults, this.#recorder);
    this.#operations = {
      profile,
      dispatch: (dispatch: Dispatch) => this.#recorder.dispatch(dispatch),
      temporary: (bytes) => startOf(this.#temporary(this.#buffers.take(bytes)), bytes),
      table: (values) => {
        const buffer = this.#temporary(this.#buffers.take(values.byteLength, true));
        this.#recorder.upload(buffer, 0, values);
        return startOf(buffer, values.byteLength);
      },
    };
    const features = OPTIONAL_FEATURES.filter((name) => profile.device.features.has(name));
    // A software adapter computes on the processor that would run ahead of it.
    const stepsAhead = profile.software ? 0 : 2;
    this.info = { description: profile.description, threads: 1, features, stepsAhead };
  }

  /** What the engine did so far. */
  stats(): WebGpuStats {
    return {
      ...this.#recorder.counters,
      kernels: this.#pipelines.count,
      bindGroups: this.#pipelines.groupCount,
      bufferBytes: this.#buffers.bytes,
      pooledBytes: this.#buffers.keptBytes,
    };
  }

  /**
   * Compiles, side by side and without stopping the page, every kernel that the operations in `work` would run. They
   * are recorded, not run: their results hold nothing.
   *
   * @throws {ShaderError} If the device refuses one.
   */
  override async warmUp(work: () => unknown): Promise<void> {
    await super.warmUp(work);
    this.flush();
    const kernels = new Set<Kernel>();
    this.#recorder.collecting = kernels;
    this.#last = undefined;
    try {
      this.scope(() => void work());
    } finally {
      this.#recorder.collecting = undefined;
      this.#last = undefined;
    }
    await this.#pipelines.compile(kernels);
    await this.#faults.settle();
  }

  flush(): void {
    this.checkAlive();
    this.#recorder.submit();
    this.#faults.check();
  }

  protected override checkAlive(): void {
    super.checkAlive();
    this.#faults.checkAlive();
  }

  protected allocate(shape: readonly number[], dtype: DType, layout: Layout): GpuStorage {
    const width = shape.at(-1) ?? 1;
    const rows = sizeOf(shape.slice(0, -1));
    if (layout === "weight") return this.#allocateWeight(rows, rowStride(dtype, width));
    if (layout === "cache") checkCache(dtype, width);
    const stride = isWide(dtype) ? 4 * width : rowStride(dtype, width);
    const bytes = rows * stride;
    const buffer = layout === "cache" ? this.#buffers.make(bytes) : this.#buffers.take(bytes);
    return { bytes: buffer.bytes, parts: [buffer], rowsPerPart: rows, stride };
  }

  protected release({ parts }: GpuStorage): void {
    for (const part of parts) this.#buffers.release(part);
  }

  protected upload(tensor: GpuTensor, data: Float32Array | Int32Array): void {
    const { storage } = tensor;
    const [buffer] = storage.parts;
    if (!buffer || this.#recorder.collecting) return;
    const idle = buffer.batch === this.#buffers.batch ? this.#buffers.take(buffer.bytes, true) : buffer;
    if (idle !== buffer) this.#buffers.release(buffer);
    storage.parts = [idle];
    this.#recorder.upload(idle, 0, onHeap(data));
  }

  protected clear(tensor: GpuTensor): void {
    // A buffer is made with zeros in it.
    for (const part of tensor.storage.parts) if (part.isUsed) this.#recorder.clear(part);
  }

  protected uploadRows(tensor: GpuTensor, firstRow: number, rows: Float32Array | Int32Array): void {
    const { dtype, layout, width } = tensor;
    for (const { buffer, offset, from, count } of rangesOf(tensor, firstRow, rows.length / width)) {
      const values = rows.subarray(from * width, (from + count) * width);
      const isEncoded = layout === "weight" && values instanceof Float32Array;
      const data = isEncoded ? packed(tensor, encodeRows(FORMATS[dtype], width, values)) : onHeap(values);
      this.#recorder.upload(buffer, offset, data);
    }
  }

  protected uploadStored(tensor: GpuTensor, firstRow: number, rows: Uint8Array): void {
    const bytes = rowBytes(FORMATS[tensor.dtype], tensor.width);
    for (const { buffer, offset, from, count } of rangesOf(tensor, firstRow, rows.length / bytes)) {
      this.#recorder.upload(buffer, offset, packed(tensor, rows.subarray(from * bytes, (from + count) * bytes)));
    }
  }

  protected async downloadStored(tensor: GpuTensor, firstRow: number, count: number): Promise<Uint8Array> {
    const bytes = await this.#readback.read([...rangesOf(tensor, firstRow, count)]);
    return unpackRows(tensor.dtype, tensor.width, new Uint8Array(bytes));
  }

  protected async download(
    tensor: GpuTensor,
    firstRow: number,
    count: number,
  ): Promise<Float32Array | Int32Array> {
    if (tensor.layout === "weight" || !isWide(tensor.dtype)) {
      const stored = await this.downloadStored(tensor, firstRow, count);
      return decodeRows(FORMATS[tensor.dtype], tensor.width, stored);
    }
    const bytes = await this.#readback.read([...rangesOf(tensor, firstRow, count)]);
    return tensor.dtype === "i32" ? new Int32Array(bytes) : new Float32Array(bytes);
  }

  protected append(command: Command<GpuTensor>): void {
    const last = this.#last && this.#recorder.isAt(this.#last.to) ? this.#last : undefined;
    const fused = last && fuse(last.commands, command, this.#profile);
    if (!last || !fused) return this.#record([command], (gpu) => run(gpu, command));
    this.#recorder.rollBack(last.from);
    try {
      this.#record([...last.commands, command], fused);
    } catch (error) {
      this.#record(last.commands, last.run);
      throw error;
    }
  }

  /** Records all dispatches of commands, or none. */
  #record(commands: Commands, run: (gpu: Operations) => void): void {
    const from = this.#recorder.mark();
    this.#last = undefined;
    try {
      run(this.#operations);
      this.#last = { commands, run, from, to: this.#recorder.mark() };
    } catch (error) {
      this.#recorder.rollBack(from);
      throw error;
    } finally {
      for (const buffer of this.#temporaries.splice(0)) this.#buffers.release(buffer);
    }
  }

  protected shutDown(): void {
    this.#faults.end(this.disposal());
    this.#recorder.destroy();
    this.#readback.destroy();
    this.#buffers.destroyAll();
    if (this.#profile.owned) this.#profile.device.destroy();
  }

  /** A weight in as many buffers as bindings of this device need. */
  #allocateWeight(rows: number, stride: number): GpuStorage {
    const rowsPerPart = Math.max(1, Math.floor(this.#profile.maxBindingBytes / stride));
    const parts: GpuBuffer[] = [];
    try {
      for (let row = 0; row < rows || parts.length === 0; row += rowsPerPart) {
        parts.push(this.#buffers.make(Math.min(rowsPerPart, rows - row) * stride));
      }
    } catch (error) {
      for (const part of parts) this.#buffers.release(part);
      throw error;
    }
    return { bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), parts, rowsPerPart, stride };
  }

  #temporary(buffer: GpuBuffer): GpuBuffer {
    this.#temporaries.push(buffer);
    return buffer;
  }
}

/** Whether values outside of weights take four bytes each, one after the other. */
function isWide(dtype: DType): boolean {
  return dtype === "f32" || dtype === "i32";
}

/** @throws {ConfigError} For heads that a format of caches has no kernels for. */
function checkCache(dtype: DType, width: number): void {
  if (dtype === "f16" && width % 4 !== 0) {
    throw new ConfigError(
      `Cannot make an f16 cache of heads ${width} wide on webgpu: it reads four features at a time, so 4 must divide ` +
        `the width; use f32, or the wasm backend`,
    );
  }
}

/** Stored rows as they lie in a weight's buffers. */
function packed({ dtype, width }: GpuTensor, stored: Uint8Array): ArrayBufferView<ArrayBuffer> {
  return onHeap(packRows(dtype, width, stored));
}

/** The same values in memory that a device can read: not shared between threads. */
function onHeap<T extends Float32Array | Int32Array | Uint8Array>(values: T): T & ArrayBufferView<ArrayBuffer> {
  const isShared = typeof SharedArrayBuffer !== "undefined" && values.buffer instanceof SharedArrayBuffer;
  return (isShared ? values.slice() : values) as T & ArrayBufferView<ArrayBuffer>;
}
