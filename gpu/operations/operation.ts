/**
 * What the operations need of the engine to become dispatches.
 *
 * @module
 */

import { type Activation, ACTIVATIONS } from "../../backend/operations.ts";
import type { OperationName } from "../../backend/operations/table.ts";
import type { CommandOf } from "../../engine/commands.ts";
import { ConfigError } from "../../errors.ts";
import type { Profile } from "../device/device.ts";
import { loop } from "../device/loops.ts";
import type { Binding } from "../dispatch/pipelines.ts";
import type { Dispatch } from "../dispatch/recorder.ts";
import type { GpuTensor } from "../memory/storage.ts";

/** Records dispatches of one command. */
export interface Operations {
  readonly profile: Profile;
  /** Appends one run of a kernel. */
  dispatch(dispatch: Dispatch): void;
  /** Memory with anything in it, for the command at hand only. */
  temporary(bytes: number): Binding;
  /** A temporary that holds these values. */
  table(values: Int32Array<ArrayBuffer>): Binding;
}

/** Every operation: each records the dispatches of one command. */
export type Dispatches = {
  readonly [Op in OperationName]: (gpu: Operations, command: CommandOf<GpuTensor, Op>) => void;
};

/** Invocations of a workgroup of elementwise kernels. */
const ELEMENT_WORKGROUP = 64;
/** Invocations of a workgroup that reduces a row: what every device allows. */
const ROW_WORKGROUP = 256;

/** Workgroups of a dispatch over `count` of them, folded into rows where there are more than one dimension allows. */
export function fold({ maxWorkgroups }: Profile, count: number): [number, number, number] {
  if (count <= maxWorkgroups) return [count, 1, 1];
  const columns = Math.min(maxWorkgroups, Math.ceil(Math.sqrt(count)));
  return [columns, Math.ceil(count / columns), 1];
}

/**
 * Constants and workgroups of an elementwise kernel over `size` values, in vectors of four where all the widths allow
 * it.
 */
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

/**
 * Constants of a kernel whose workgroups reduce rows of `width` values, and the rounds of loops that it takes.
 *
 * @param passes How often it goes through a row.
 * @param besides Rounds of its other loops, by the size of the workgroup.
 */
export function reduction(
  { profile }: Operations,
  width: number,
  passes: number,
  besides: (workgroup: number) => number = () => 0,
): { constants: { WORKGROUP: number; SUBGROUPS: boolean }; rounds: number } {
  // A CPU runs the lanes of a workgroup one after the other: 32 of them vectorize as well as 256, with fewer steps to
  // reduce.
  const most = profile.software ? 32 : ROW_WORKGROUP;
  const needed = 2 ** Math.ceil(Math.log2(Math.max(width, 1)));
  // A pass ends in up to two reductions.
  const roundsOf = (workgroup: number) =>
    passes * (loop(Math.ceil(width / workgroup)) + 2 * reduceRounds(profile, workgroup)) + besides(workgroup);
  // A subgroup may have up to 128 lanes: a workgroup of fewer would leave one half empty, which `reduce` allows.
  let workgroup = Math.min(most, Math.max(needed, 32));
  while (roundsOf(workgroup) > profile.loopRounds && 2 * workgroup <= profile.maxInvocations) workgroup *= 2;
  return { constants: { WORKGROUP: workgroup, SUBGROUPS: profile.subgroups }, rounds: roundsOf(workgroup) };
}

/**
 * Rounds of one reduction over a workgroup: of the subgroups it has, which may have four lanes each, or of its halves.
 */
export function reduceRounds({ subgroups }: Profile, workgroup: number): number {
  return loop(subgroups ? workgroup / 4 : Math.log2(workgroup));
}

/**
 * The name of an activation in WGSL: names go into the text of shaders, and no others may.
 *
 * @throws {ConfigError}
 */
export function activationName(activation: Activation | undefined): string {
  if (activation === undefined) return "none";
  const name = ACTIVATIONS.find((known) => known === activation);
  if (name) return name;
  throw new ConfigError(`Cannot run the activation ${JSON.stringify(activation)}: expected ${ACTIVATIONS.join(", ")}`);
}
