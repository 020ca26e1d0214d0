/**
 * Pipelines, made on first use and keyed by what they were specialized for, and their bind groups.
 *
 * @module
 */

import { type Faults, ShaderError } from "../device/faults.ts";
import type { GpuBuffer } from "../memory/buffers.ts";
import { type Constants, type Shader, specialize } from "./shader.ts";

/** Bytes that the parameters of a dispatch may take: the default alignment of uniform offsets. */
export const PARAMS_BYTES = 256;

/** Part of a buffer that a dispatch sees. */
export interface Binding {
  readonly buffer: GpuBuffer;
  /** In bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

/** A specialized kernel. */
export interface Kernel {
  readonly name: string;
  readonly id: number;
  readonly shader: Shader;
  readonly module: GPUShaderModule;
  readonly bindings: GPUBindGroupLayout;
  readonly layout: GPUPipelineLayout;
  /** Absent until it is first used or compiled ahead. */
  pipeline?: GPUComputePipeline;
  /** The compiler's error, once it is known. */
  refusal?: Error;
}

/** A bind group that is kept, and the buffers that it holds. */
interface BindGroup {
  readonly group: GPUBindGroup;
  readonly bindings: readonly Binding[];
}

const COMPUTE_STAGE = 0x4;
const MAX_GROUPS = 8192;

/** The kernels of a device. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #kernels = new Map<string, Kernel>();
  readonly #groups = new Map<string, BindGroup>();
  /** Keys of the bind groups that hold a buffer. */
  readonly #users = new Map<GpuBuffer, Set<string>>();

  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
  }

  /** Specialized kernels so far. */
  get count(): number {
    return this.#kernels.size;
  }

  /** Bind groups kept for reuse. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /**
   * The kernel of this name for these constants; its pipeline is not compiled yet.
   *
   * @throws {ShaderError} If the device is known to refuse it.
   */
  kernel(name: string, constants: Constants): Kernel {
    const key = name + JSON.stringify(constants);
    const known = this.#kernels.get(key);
    if (known?.refusal) throw known.refusal;
    if (known) return known;
    const shader = specialize(name, constants);
    const kernel: Kernel = this.#scoped(name, () => {
      const bindings = this.#device.createBindGroupLayout({
        label: name,
        entries: [
          { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: "uniform", hasDynamicOffset: true } },
          ...shader.declarations.map(({ binding, type }) => ({ binding, visibility: COMPUTE_STAGE, buffer: { type } })),
        ],
      });
      return {
        name,
        id: this.#kernels.size,
        shader,
        module: this.#device.createShaderModule({ label: name, code: shader.code }),
        bindings,
        layout: this.#device.createPipelineLayout({ label: name, bindGroupLayouts: [bindings] }),
      };
    }, (refusal) => kernel.refusal ??= refusal);
    this.#kernels.set(key, kernel);
    return kernel;
  }

  /** The pipeline of a kernel, compiled now unless it is already. */
  pipeline(kernel: Kernel): GPUComputePipeline {
    return kernel.pipeline ??= this.#scoped(
      kernel.name,
      () => this.#device.createComputePipeline(descriptor(kernel)),
      (refusal) => kernel.refusal ??= refusal,
    );
  }

  /**
   * Compiles kernels side by side, off the main thread where the host can.
   *
   * @throws {ShaderError}
   */
  async compile(kernels: Iterable<Kernel>): Promise<void> {
    await Promise.all(Array.from(kernels, async (kernel) => {
      if (kernel.pipeline) return;
      try {
        kernel.pipeline = await this.#device.createComputePipelineAsync(descriptor(kernel));
      } catch (error) {
        this.#faults.checkAlive();
        throw kernel.refusal = explain(kernel.name, error instanceof Error ? error.message : String(error));
      }
    }));
  }

  /** The bind group of a kernel over these bindings, in the order of its declarations. */
  group(kernel: Kernel, params: GPUBuffer, bindings: readonly Binding[]): GPUBindGroup {
    const key = `${kernel.id}:${
      bindings.map(({ buffer, offset, size }) => `${buffer.id},${offset},${size}`).join(";")
    }`;
    const known = this.#groups.get(key);
    if (known) return known.group;
    if (this.#groups.size >= MAX_GROUPS) {
      this.#groups.clear();
      this.#users.clear();
    }
    const group = this.#device.createBindGroup({
      label: kernel.name,
      layout: kernel.bindings,
      entries: [
        { binding: 0, resource: { buffer: params, size: PARAMS_BYTES } },
        ...kernel.shader.declarations.map(({ binding }, i) => ({ binding, resource: resource(bindings[i]) })),
      ],
    });
    this.#groups.set(key, { group, bindings });
    for (const { buffer } of bindings) {
      const keys = this.#users.get(buffer);
      if (keys) keys.add(key);
      else this.#users.set(buffer, new Set([key]));
    }
    return group;
  }

  /** Forgets the bind groups that hold a buffer about to be destroyed. */
  forget(buffer: GpuBuffer): void {
    for (const key of this.#users.get(buffer) ?? []) {
      // The other buffers may stay for long: they must not remember it.
      for (const { buffer } of this.#groups.get(key)?.bindings ?? []) this.#users.get(buffer)?.delete(key);
      this.#groups.delete(key);
    }
    this.#users.delete(buffer);
  }

  #scoped<T>(name: string, fn: () => T, onRefusal: (refusal: Error) => void): T {
    const onSettled = (fault: Error | undefined) => fault && onRefusal(fault);
    return this.#faults.scoped("validation", (message) => explain(name, message), fn, onSettled);
  }
}

function descriptor({ name, module, layout }: Kernel): GPUComputePipelineDescriptor {
  return { label: name, layout, compute: { module, entryPoint: "main" } };
}

function explain(name: string, message: string): ShaderError {
  return new ShaderError(
    `Cannot compile the kernel "${name}" for this device: ${message.trim()}. Update the browser or the driver, or use ` +
      "the wasm backend",
  );
}

function resource(binding: Binding | undefined): GPUBufferBinding {
  if (!binding) throw new Error("Cannot bind a buffer that was not given");
  return { buffer: binding.buffer.buffer, offset: binding.offset, size: binding.size };
}
