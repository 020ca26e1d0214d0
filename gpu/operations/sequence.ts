/**
 * Operations that move rows about, or go along the sequence.
 *
 * @module
 */

import type { CommandOf } from "../../engine/commands.ts";
import { spans } from "../device/loops.ts";
import type { Binding } from "../dispatch/pipelines.ts";
import { bytesOf, type GpuTensor, partsOf, whole } from "../memory/storage.ts";
import { type Dispatches, elementwise, type Operations } from "./operation.ts";

/** Rows by their index. */
function gatherRows(gpu: Operations, { x, indices, out }: CommandOf<GpuTensor, "gatherRows">): void {
  const { constants, groups, lanes } = elementwise(gpu, out.size, [x.width]);
  gpu.dispatch({
    kernel: "gather_rows",
    constants,
    bindings: { x: whole(x), indices: whole(indices), out: whole(out) },
    params: { size: out.size / lanes, width: x.width / lanes, rows: x.rows },
    groups,
    rounds: 0,
  });
}

/** Parts one after the other along the sequence. */
function concat(gpu: Operations, { parts, out }: CommandOf<GpuTensor, "concat">): void {
  const [b = 0, n = 0] = out.shape;
  let offset = 0;
  for (const part of parts) {
    const run = part.size / Math.max(part.shape[0] ?? 1, 1);
    copyRuns(gpu, whole(part), whole(out), {
      count: b,
      run,
      fromStride: part.shape[0] === 1 ? 0 : run,
      toStride: n * out.width,
      fromOffset: 0,
      toOffset: offset,
    });
    offset += run;
  }
}

/** Some of the positions. */
function slice(gpu: Operations, { x, from, out }: CommandOf<GpuTensor, "slice">): void {
  const [b = 0, n = 0] = x.shape;
  const run = out.size / Math.max(b, 1);
  const offset = from * x.width;
  const strides = { fromStride: n * x.width, toStride: run };
  copyRuns(gpu, whole(x), whole(out), { count: b, run, ...strides, fromOffset: offset, toOffset: 0 });
}

/** The same values in other memory. */
export function clone(gpu: Operations, { x, out }: CommandOf<GpuTensor, "clone">): void {
  const targets = placesOf(out);
  for (const [i, { binding, values }] of placesOf(x).entries()) {
    const runs = { count: 1, run: values, fromStride: 0, toStride: 0, fromOffset: 0, toOffset: 0 };
    const target = targets[i];
    if (target) copyRuns(gpu, binding, target.binding, runs);
  }
}

/** Where a tensor lies, and how many words there: a weight may be in several buffers. */
function placesOf(x: GpuTensor): { binding: Binding; values: number }[] {
  if (x.layout !== "weight") return [{ binding: whole(x), values: bytesOf(x) / 4 }];
  return partsOf(x).map(({ binding }) => ({ binding, values: binding.size / 4 }));
}

/** Mean over the sequence, a part of it after the other. */
function meanPool(gpu: Operations, { x, out }: CommandOf<GpuTensor, "meanPool">): void {
  const { constants, groups } = elementwise(gpu, out.size, [1]);
  const [, length = 0] = x.shape;
  for (const { first, end, rounds } of spans(gpu.profile.loopRounds, length)) {
    gpu.dispatch({
      kernel: "mean_pool",
      constants,
      bindings: { x: whole(x), out: whole(out) },
      params: { size: out.size, length, width: x.width, first, end },
      groups,
      rounds,
    });
  }
}

/** Images cut into patches. */
function patches(gpu: Operations, { images, patchSize, out }: CommandOf<GpuTensor, "patches">): void {
  const [, channels = 0, height = 0, width = 0] = images.shape;
  const { constants, groups } = elementwise(gpu, out.size, [1]);
  gpu.dispatch({
    kernel: "patches",
    constants,
    bindings: { images: whole(images), out: whole(out) },
    params: { size: out.size, channels, height, width, patchSize },
    groups,
    rounds: 0,
  });
}

interface Runs {
  /** Batch rows, and values of each to copy. */
  readonly count: number;
  readonly run: number;
  /** Values from one batch row to the next, and before the first to copy. */
  readonly fromStride: number;
  readonly toStride: number;
  readonly fromOffset: number;
  readonly toOffset: number;
}

function copyRuns(gpu: Operations, from: Binding, to: Binding, { count, ...runs }: Runs): void {
  const { constants, groups, lanes } = elementwise(gpu, count * runs.run, Object.values(runs));
  const inVectors = Object.entries(runs).map(([name, value]) => [name, value / lanes]);
  gpu.dispatch({
    kernel: "copy_rows",
    constants: { ...constants, VALUE: lanes === 4 ? "vec4<u32>" : "u32" },
    bindings: { x: from, out: to },
    params: { size: (count * runs.run) / lanes, ...Object.fromEntries(inVectors) },
    groups,
    rounds: 0,
  });
}

/** Rows that the mask hides become zero. */
function maskRows(gpu: Operations, { x, mask, out }: CommandOf<GpuTensor, "maskRows">): void {
  const { constants, groups, lanes } = elementwise(gpu, x.size, [x.width]);
  gpu.dispatch({
    kernel: "mask_rows",
    constants,
    bindings: { x: whole(x), mask: whole(mask), out: whole(out) },
    params: { size: x.size / lanes, width: x.width / lanes },
    groups,
    rounds: 0,
  });
}

/** Segments of features moved along the sequence. */
function shiftTokens(gpu: Operations, { x, shifts, previous, out }: CommandOf<GpuTensor, "shiftTokens">): void {
  const { constants, groups } = elementwise(gpu, x.size, [1]);
  gpu.dispatch({
    kernel: "shift_tokens",
    constants: { ...constants, HAS_PREVIOUS: previous !== undefined },
    bindings: {
      x: whole(x),
      shifts: gpu.table(Int32Array.from(shifts)),
      previous: previous && whole(previous),
      out: whole(out),
    },
    params: {
      size: x.size,
      length: x.shape[1] ?? 0,
      width: x.width,
      segment: Math.floor(x.width / shifts.length),
      segments: shifts.length,
      before: previous?.shape[1] ?? 0,
    },
    groups,
    rounds: 0,
  });
}

/** Operations that move rows about, or go along the sequence. */
export const sequenceOperations = {
  clone,
  concat,
  gatherRows,
  maskRows,
  meanPool,
  patches,
  shiftTokens,
  slice,
} satisfies Partial<Dispatches>;
