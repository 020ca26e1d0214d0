/**
 * Records dispatches, copies and fills, and submits them: many in one pass, one submission a batch.
 *
 * @module
 */
import { OutOfMemoryError } from "../backend.ts";
import type { Buffers, GpuBuffer } from "./buffers.ts";
import type { Profile } from "./device.ts";
import type { Faults } from "./faults.ts";
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

  constructor(profile: Profile, faults: Faults, buffers: Buffers, pipelines: Pipelines) {
    this.#profile = profile;
    this.#faults = faults;
    this.#buffers = buffers;
    this.#pipelines = pipelines;
    this.#ring = profile.device.createBuffer({ label: "params", size: RING_SLOTS * PARAMS_BYTES, usage: 0x40 | 0x8 });
  }

  /** Appends one run of a kernel. @throws {OutOfMemoryError} if a binding is larger than the device can bind */
  dispatch({ kernel: name, constants, bindings, params, groups, weightBytes = 0 }: Dispatch): void {
    if (groups.includes(0)) return;
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
    for (const { buffer } of bound) buffer.batch = this.#buffers.batch;
    writeParams(this.#words, this.#runs * PARAMS_BYTES, name, kernel.shader, params);
    this.#steps.push({ kernel, bindings: bound, groups });
    this.#runs++;
    this.counters.weightBytesRead += weightBytes;
  }

  /** Appends a copy. */
  copy(from: GpuBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    from.batch = this.#buffers.batch;
    this.#steps.push({ from, fromOffset, to, toOffset, bytes });
  }

  /** Appends a fill with zeros. */
  clear(buffer: GpuBuffer): void {
    buffer.batch = this.#buffers.batch;
    this.#steps.push({ clear: buffer });
  }

  /** Writes into a buffer, after all that was recorded so far. */
  upload(buffer: GpuBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    if (data.byteLength === 0) return;
    if (buffer.batch === this.#buffers.batch) this.submit();
    this.#profile.device.queue.writeBuffer(buffer.buffer, offset, data.buffer, data.byteOffset, data.byteLength);
    this.counters.bytesUploaded += data.byteLength;
  }

  /** Gives what was recorded to the device. */
  submit(): void {
    if (this.#steps.length === 0) return;
    const { device } = this.#profile;
    const explain = (message: string) => new Error(`Cannot run commands on webgpu: the device says: ${message.trim()}`);
    this.#faults.scoped("validation", explain, () => {
      const base = this.#writeRing();
      const encoder = device.createCommandEncoder();
      this.#encode(encoder, base);
      device.queue.submit([encoder.finish()]);
    });
    this.counters.dispatches += this.#runs;
    this.counters.submissions++;
    this.#steps.length = 0;
    this.#runs = 0;
    this.#buffers.nextBatch();
  }

  /** Forgets what was recorded and frees what the recorder holds. */
  destroy(): void {
    this.#steps.length = 0;
    this.#runs = 0;
    this.#ring.destroy();
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
    if (type === "f32") view.setFloat32(offset + 4 * i, value, true);
    else if (type === "i32") view.setInt32(offset + 4 * i, value, true);
    else view.setUint32(offset + 4 * i, value, true);
  }
}
