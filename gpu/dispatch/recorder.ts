/**
 * Records dispatches, copies and fills, and submits them: many in one pass, one submission a batch.
 *
 * @module
 */

import { OutOfMemoryError, ShapeError } from "../../errors.ts";
import type { Profile } from "../device/device.ts";
import type { Faults } from "../device/faults.ts";
import type { Buffers, GpuBuffer } from "../memory/buffers.ts";
import { Batches, type Origin } from "./batches.ts";
import { type Binding, type Kernel, PARAMS_BYTES, type Pipelines } from "./pipelines.ts";
import type { Constants, Shader } from "./shader.ts";

/** One run of a kernel; bindings and parameters are named as in its file. */
export interface Dispatch {
  readonly kernel: string;
  readonly constants: Constants;
  readonly bindings: Readonly<Record<string, Binding | undefined>>;
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups in x, y and z. */
  readonly groups: readonly [number, number, number];
  /** Rounds that all loops of an invocation take at most, inner and outer ones together, unrolled or not. */
  readonly rounds: number;
  /** Bytes of weights that it reads. */
  readonly weightBytes?: number;
}

/** What an engine did so far. */
export interface Counters {
  dispatches: number;
  submissions: number;
  /** Calls of `mapAsync`. */
  maps: number;
  bytesReadBack: number;
  bytesUploaded: number;
  /** Bytes of weights that dispatches had to read. */
  weightBytesRead: number;
}

interface Run {
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  readonly groups: readonly [number, number, number];
  readonly weightBytes: number;
}

type Step =
  | Run
  | {
    readonly from: GpuBuffer;
    readonly fromOffset: number;
    readonly to: GPUBuffer;
    readonly toOffset: number;
    readonly bytes: number;
  }
  | { readonly clear: GpuBuffer };

/** How far recording had come. */
export interface Mark {
  readonly batch: number;
  readonly steps: number;
  readonly runs: number;
  /** Kernels gathered so far. */
  readonly kernels: number;
}

/** Dispatches that one submission holds at most. */
const MAX_BATCH = 1024;
/** Dispatches whose parameters fit in the ring. */
const RING_SLOTS = 4096;

/** Commands on their way to the device. */
export class Recorder {
  readonly counters: Counters = {
    dispatches: 0,
    submissions: 0,
    maps: 0,
    bytesReadBack: 0,
    bytesUploaded: 0,
    weightBytesRead: 0,
  };
  /** Where kernels are gathered instead of being run, while set. */
  collecting: Set<Kernel> | undefined;
  readonly #profile: Profile;
  readonly #faults: Faults;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #steps: Step[] = [];
  #runs = 0;
  /** Parameters of the recorded dispatches, in slots. */
  readonly #words = new DataView(new ArrayBuffer(MAX_BATCH * PARAMS_BYTES));
  readonly #ring: GPUBuffer;
  #ringSlot = 0;
  readonly #batches = new Batches();

  constructor(profile: Profile, faults: Faults, buffers: Buffers, pipelines: Pipelines) {
    this.#profile = profile;
    this.#faults = faults;
    this.#buffers = buffers;
    this.#pipelines = pipelines;
    this.#ring = profile.device.createBuffer({ label: "params", size: RING_SLOTS * PARAMS_BYTES, usage: 0x40 | 0x8 });
  }

  /** Where recording stands, for `rollBack`. */
  mark(): Mark {
    return {
      batch: this.#buffers.batch,
      steps: this.#steps.length,
      runs: this.#runs,
      kernels: this.collecting?.size ?? 0,
    };
  }

  /** Whether nothing was recorded since a mark, or submitted. */
  isAt({ batch, steps, kernels }: Mark): boolean {
    const now = this.mark();
    return now.batch === batch && now.steps === steps && now.kernels === kernels;
  }

  /** Takes back what was recorded since a mark; what was submitted meanwhile is done. */
  rollBack({ batch, steps, runs, kernels }: Mark): void {
    const isSubmitted = batch !== this.#buffers.batch;
    this.#steps.length = isSubmitted ? 0 : steps;
    this.#runs = isSubmitted ? 0 : runs;
    for (const kernel of [...this.collecting ?? []].slice(kernels)) this.collecting?.delete(kernel);
  }

  /**
   * Appends one run of a kernel.
   *
   * @throws {OutOfMemoryError} If a binding is larger than the device can bind.
   * @throws {ShapeError} If it takes more workgroups, or rounds of loops, than the device can run.
   */
  dispatch({ kernel: name, constants, bindings, params, groups, rounds, weightBytes = 0 }: Dispatch): void {
    if (groups.includes(0)) return;
    this.#checkSize(name, groups, rounds);
    const kernel = this.#pipelines.kernel(name, constants);
    if (this.collecting) {
      this.collecting.add(kernel);
      return;
    }
    const bound = kernel.shader.declarations.map((declaration) => {
      const binding = bindings[declaration.name];
      if (!binding) throw new Error(`Cannot run the kernel "${name}" without its binding "${declaration.name}"`);
      this.#checkBinding(name, binding);
      return binding;
    });
    if (this.#runs === MAX_BATCH) this.submit();
    writeParams(this.#words, this.#runs * PARAMS_BYTES, name, kernel.shader, params);
    const { batch } = this.#buffers;
    const from = Math.min(batch, ...bound.map(({ buffer }) => this.#batches.oldestInDoubt(buffer.origin)));
    for (const [i, { buffer }] of bound.entries()) {
      buffer.batch = batch;
      if (kernel.shader.declarations[i]?.type === "storage") buffer.origin = { from, to: batch };
    }
    this.#steps.push({ kernel, bindings: bound, groups, weightBytes });
    this.#runs++;
  }

  /** Appends a copy. */
  copy(from: GpuBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    from.batch = this.#buffers.batch;
    this.#steps.push({ from, fromOffset, to, toOffset, bytes });
  }

  /** Appends a fill with zeros. */
  clear(buffer: GpuBuffer): void {
    const { batch } = this.#buffers;
    buffer.batch = batch;
    buffer.origin = { from: batch, to: batch };
    this.#steps.push({ clear: buffer });
  }

  /** Writes into a buffer, after all that was recorded so far. */
  upload(buffer: GpuBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    if (data.byteLength === 0) return;
    if (buffer.batch === this.#buffers.batch) this.submit();
    this.#profile.device.queue.writeBuffer(buffer.buffer, offset, data.buffer, data.byteOffset, data.byteLength);
    this.counters.bytesUploaded += data.byteLength;
  }

  /** Gives what was recorded to the device; gives the number of the batch that it made of it. */
  submit(): number {
    const { batch } = this.#buffers;
    if (this.#steps.length === 0) return batch - 1;
    const { device } = this.#profile;
    const explain = (message: string) => new Error(`Cannot run commands on webgpu: the device says: ${message.trim()}`);
    try {
      this.#faults.scoped("validation", explain, () => {
        const base = this.#writeRing();
        const encoder = device.createCommandEncoder();
        this.#encode(encoder, base);
        device.queue.submit([encoder.finish()]);
      }, (fault) => this.#batches.settle(batch, fault));
      this.#count();
    } catch (error) {
      this.#batches.settle(batch, error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      this.#steps.length = 0;
      this.#runs = 0;
      this.#buffers.nextBatch();
    }
    return batch;
  }

  /** @throws {Error} The error of a batch that failed, or of one on which something depends. */
  check(batch: number, origins: readonly (Origin | undefined)[]): void {
    for (const origin of [{ from: batch, to: batch }, ...origins]) this.#batches.check(origin);
  }

  /** Forgets what was recorded and frees what the recorder holds. */
  destroy(): void {
    this.#steps.length = 0;
    this.#runs = 0;
    this.#ring.destroy();
  }

  #count(): void {
    this.counters.dispatches += this.#runs;
    this.counters.submissions++;
    for (const step of this.#steps) if ("kernel" in step) this.counters.weightBytesRead += step.weightBytes;
  }

  /** Copies the batch's parameters into the ring; gives the offset of the first. */
  #writeRing(): number {
    if (this.#runs === 0) return 0;
    if (this.#ringSlot + this.#runs > RING_SLOTS) this.#ringSlot = 0;
    const base = this.#ringSlot * PARAMS_BYTES;
    this.#profile.device.queue.writeBuffer(this.#ring, base, this.#words.buffer, 0, this.#runs * PARAMS_BYTES);
    this.#ringSlot += this.#runs;
    return base;
  }

  #encode(encoder: GPUCommandEncoder, base: number): void {
    let pass: GPUComputePassEncoder | undefined;
    let current: Kernel | undefined;
    let offset = base;
    const endPass = () => {
      pass?.end();
      pass = current = undefined;
    };
    for (const step of this.#steps) {
      if ("kernel" in step) {
        pass ??= encoder.beginComputePass();
        if (current !== step.kernel) pass.setPipeline(this.#pipelines.pipeline(step.kernel));
        current = step.kernel;
        pass.setBindGroup(0, this.#pipelines.group(step.kernel, this.#ring, step.bindings), [offset]);
        pass.dispatchWorkgroups(...step.groups);
        offset += PARAMS_BYTES;
        continue;
      }
      endPass();
      if ("clear" in step) encoder.clearBuffer(step.clear.buffer);
      else encoder.copyBufferToBuffer(step.from.buffer, step.fromOffset, step.to, step.toOffset, step.bytes);
    }
    endPass();
  }

  #checkSize(kernel: string, groups: readonly number[], rounds: number): void {
    const { maxWorkgroups, loopRounds } = this.#profile;
    if (!groups.every((count) => Number.isInteger(count) && count > 0 && count <= maxWorkgroups)) {
      throw new ShapeError(
        `Cannot run ${kernel} in ${groups.join(" × ")} workgroups: this device runs up to ${maxWorkgroups} in one ` +
          "dimension; use fewer rows, heads or batch rows at a time",
      );
    }
    if (!(rounds <= loopRounds)) {
      throw new ShapeError(
        `Cannot run ${kernel} with loops of ${rounds} rounds: this device ends loops after ${loopRounds}, and the sums ` +
          "would be wrong; use shorter rows, or the wasm backend",
      );
    }
  }

  #checkBinding(kernel: string, { size }: Binding): void {
    if (size > this.#profile.maxBindingBytes) {
      throw new OutOfMemoryError(
        `Cannot run ${kernel} on a tensor of ${size} bytes: this device binds at most ${this.#profile.maxBindingBytes} ` +
          "at once. Use fewer rows at a time",
      );
    }
  }
}

function writeParams(
  view: DataView,
  offset: number,
  kernel: string,
  { fields }: Shader,
  params: Readonly<Record<string, number>>,
): void {
  for (const [i, { name, type }] of fields.entries()) {
    const value = params[name];
    if (value === undefined) throw new Error(`Cannot run the kernel "${kernel}" without its parameter "${name}"`);
    if (type === "f32") {
      view.setFloat32(offset + 4 * i, value, true);
      continue;
    }
    const word = type === "i32" ? value | 0 : value >>> 0;
    if (word !== value) {
      throw new ShapeError(`Cannot run ${kernel} with ${name} = ${value}: it must be a whole number of 32 bits`);
    }
    view.setUint32(offset + 4 * i, word, true);
  }
}
