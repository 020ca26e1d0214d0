/**
 * What the operations need of the engine to become dispatches.
 *
 * @module
 */
import type { Activation } from "../../backend.ts";
import type { GpuBuffer } from "../buffers.ts";
import type { Profile } from "../device.ts";
import type { Dispatch } from "../recorder.ts";
import type { GpuTensor } from "../storage.ts";

/** Records dispatches of one command. */
export interface Operations {
  readonly profile: Profile;
  /** Appends one run of a kernel. */
  dispatch(dispatch: Dispatch): void;
  /** A buffer with anything in it, for the command at hand only. */
  temporary(bytes: number): GpuBuffer;
  /** A temporary that holds these values. */
  table(values: Int32Array<ArrayBuffer>): GpuBuffer;
}

/** Invocations of a workgroup of elementwise kernels. */
const ELEMENT_WORKGROUP = 64;
/** Invocations of a workgroup that reduces a row: at least what every device allows. */
export const ROW_WORKGROUP = 256;

/** Workgroups of a dispatch over `count` of them, folded into rows where there are more than one dimension allows. */
export function fold({ maxWorkgroups }: Profile, count: number): [number, number, number] {
  if (count <= maxWorkgroups) return [count, 1, 1];
  const columns = Math.min(maxWorkgroups, Math.ceil(Math.sqrt(count)));
  return [columns, Math.ceil(count / columns), 1];
}

/** Constants and workgroups of an elementwise kernel over `size` values, in vectors of four where all the widths allow it. */
export function elementwise(
  { profile }: Operations,
  size: number,
  widths: readonly number[],
): { constants: { WORKGROUP: number; VALUE: string }; groups: [number, number, number]; lanes: number } {
  const lanes = widths.every((width) => width % 4 === 0) ? 4 : 1;
  return {
    constants: { WORKGROUP: ELEMENT_WORKGROUP, VALUE: lanes === 4 ? "vec4<f32>" : "f32" },
    groups: fold(profile, Math.ceil(size / lanes / ELEMENT_WORKGROUP)),
    lanes,
  };
}

/** Constants of a kernel whose workgroups of at most `most` invocations reduce rows of `width` values. */
export function reduction(
  { profile }: Operations,
  width: number,
  // A CPU runs the lanes of a workgroup one after the other: 32 of them vectorise as well as 256, with fewer steps to reduce.
  most = profile.software ? 32 : ROW_WORKGROUP,
): { WORKGROUP: number; SUBGROUPS: boolean } {
  const needed = 2 ** Math.ceil(Math.log2(Math.max(width, 1)));
  // A subgroup may have up to 128 lanes: a workgroup of fewer would leave one half empty, which `reduce` allows.
  return { WORKGROUP: Math.min(most, Math.max(needed, 32)), SUBGROUPS: profile.subgroups };
}

/** The name of an activation in WGSL. */
export function activationName(activation: Activation | undefined): string {
  return activation ?? "none";
}

/** Width of rows as kernels count it: in vectors. */
export function vectors(tensor: GpuTensor, lanes: number): number {
  return tensor.width / lanes;
}
