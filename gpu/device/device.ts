/**
 * Finding an adapter and asking it for all that it can give.
 *
 * @module
 */

import { BackendUnavailableError, ConfigError } from "../../errors.ts";
import { probeLoopRounds } from "./loops.ts";

/**
 * How kernels share work between invocations: `register` keeps every sum in one invocation (fastest where a CPU plays
 * the GPU), `workgroup` goes through workgroup memory, `subgroup` exchanges registers.
 */
export type Flavor = "register" | "workgroup" | "subgroup";

/** Options of `WebGpuBackend.create`. */
export interface WebGpuOptions {
  /** A device to run on. It is never destroyed by the backend. */
  readonly device?: GPUDevice | undefined;
  /** Passed to `requestAdapter` when no device is given. */
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** Bytes of freed buffers kept for reuse. Default 512 MiB. */
  readonly poolBytes?: number | undefined;
  /** Largest binding to use, at most the device's own limit. */
  readonly maxBindingBytes?: number | undefined;
  /** Rounds of loops that an invocation may make, at most what the device grants. */
  readonly loopRounds?: number | undefined;
  /**
   * Kernels to use. Default: `register` on software adapters, else `subgroup` where subgroups exist, else `workgroup`.
   */
  readonly flavor?: Flavor | undefined;
  /**
   * Whether the adapter computes on a processor, for which some kernels have forms of their own. Default: as it names
   * itself.
   */
  readonly software?: boolean | undefined;
}

/** A device and what matters of it. */
export interface Profile {
  readonly device: GPUDevice;
  /** Whether the backend made the device, and so destroys it. */
  readonly owned: boolean;
  readonly description: string;
  readonly software: boolean;
  readonly flavor: Flavor;
  readonly subgroups: boolean;
  /**
   * Whether workgroups may take different branches for nothing. SwiftShader walks through all of them: three joined
   * products take it up to a tenth longer than three dispatches (`deno task bench fusion`).
   */
  readonly skipsBranches: boolean;
  readonly f16: boolean;
  readonly timestamps: boolean;
  readonly maxBindingBytes: number;
  readonly maxBufferBytes: number;
  /** Workgroups in one dimension of a dispatch. */
  readonly maxWorkgroups: number;
  /** Memory that a workgroup may share. */
  readonly workgroupBytes: number;
  /** Invocations of a workgroup. */
  readonly maxInvocations: number;
  /** Rounds of loops that an invocation may make. */
  readonly loopRounds: number;
  /** Alignment of offsets of storage and uniform bindings, in bytes. */
  readonly alignment: number;
}

/** Features that are used where they exist. */
export const OPTIONAL_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;

const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/**
 * Takes the device that was given, or requests one with raised limits and every optional feature that exists.
 *
 * @throws {BackendUnavailableError} Where there is no WebGPU, no adapter or no device, or one that runs nothing.
 * @throws {ConfigError} If `flavor` asks for subgroups that the device has not.
 */
export async function openDevice(options: WebGpuOptions): Promise<Profile> {
  if (options.device) return await describe(options.device, false, options);
  const adapter = await requestAdapter(options.powerPreference);
  const features = OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, adapter.limits[limit]]));
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures: [...features], requiredLimits });
  } catch (error) {
    throw new BackendUnavailableError(
      `Cannot start webgpu: the adapter refused a device (${error instanceof Error ? error.message : error}). ` +
        "Close other pages that use the GPU, or use the wasm backend",
      { cause: error },
    );
  }
  try {
    return await describe(device, true, options, adapter.info);
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** Whether this host offers a real GPU, rather than a CPU that stands in for it. */
export async function hasHardwareAdapter(powerPreference?: GPUPowerPreference): Promise<boolean> {
  try {
    return !isSoftware((await requestAdapter(powerPreference)).info);
  } catch (error) {
    if (error instanceof BackendUnavailableError) return false;
    throw error;
  }
}

async function requestAdapter(powerPreference: GPUPowerPreference | undefined): Promise<GPUAdapter> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new BackendUnavailableError(
      "Cannot start webgpu: this host has no navigator.gpu. It exists in Deno and in pages served over https or from " +
        "localhost by a browser with WebGPU; elsewhere use the wasm backend",
    );
  }
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter) {
    throw new BackendUnavailableError(
      "Cannot start webgpu: no adapter was found. Install a Vulkan, Metal or Direct3D 12 driver (mesa-vulkan-drivers " +
        "gives Linux a software one), allow WebGPU in the browser's settings, or use the wasm backend",
    );
  }
  return adapter;
}

async function describe(
  device: GPUDevice,
  owned: boolean,
  options: WebGpuOptions,
  given?: GPUAdapterInfo,
): Promise<Profile> {
  const info = given ?? device.adapterInfo;
  const name = nameOf(info);
  const software = options.software ?? isSoftware(info);
  const subgroups = device.features.has("subgroups");
  if (options.flavor === "subgroup" && !subgroups) {
    throw new ConfigError(`Cannot use subgroup kernels on ${name}: the device has no subgroups; leave flavor open`);
  }
  const flavor = options.flavor ?? (software ? "register" : subgroups ? "subgroup" : "workgroup");
  const { limits } = device;
  const wanted = options.maxBindingBytes ?? limits.maxStorageBufferBindingSize;
  return {
    device,
    owned,
    description: `webgpu (${flavor}) on ${name}`,
    software,
    flavor,
    subgroups: subgroups && flavor !== "workgroup",
    skipsBranches: flavor !== "register" || !/swiftshader/i.test(name),
    f16: device.features.has("shader-f16"),
    timestamps: device.features.has("timestamp-query"),
    maxBindingBytes: wholeVectors(Math.min(wanted, limits.maxStorageBufferBindingSize, limits.maxBufferSize)),
    maxBufferBytes: wholeVectors(limits.maxBufferSize),
    maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxInvocations: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    loopRounds: Math.min(await probeLoopRounds(device), options.loopRounds ?? Infinity),
    alignment: Math.max(limits.minStorageBufferOffsetAlignment, limits.minUniformBufferOffsetAlignment),
  };
}

function nameOf(info: GPUAdapterInfo): string {
  return info.description || info.device || info.architecture || info.vendor || "unknown adapter";
}

function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter === true || /llvmpipe|swiftshader|software|warp/i.test(nameOf(info));
}

/** The largest multiple of 16 bytes in a limit, which need not be one (2³¹ - 1). */
function wholeVectors(bytes: number): number {
  return Math.floor(bytes / 16) * 16;
}
