/**
 * Operations whose results depend on one value, or one row, each.
 *
 * @module
 */

import { LOWEST } from "../../backend/operations.ts";
import type { CommandOf } from "../../engine/commands.ts";
import { type GpuTensor, whole } from "../memory/storage.ts";
import { activationName, elementwise, fold, type Operations, reduction } from "./operation.ts";

/** x + y · scale · factor. */
export function add(gpu: Operations, { x, y, scale, factor, out }: CommandOf<GpuTensor, "add">): void {
  const { constants, groups, lanes } = elementwise(gpu, x.size, [x.width]);
  gpu.dispatch({
    kernel: "add",
    constants: { ...constants, HAS_SCALE: scale !== undefined },
    bindings: { x: whole(x), y: whole(y), scale: scale && whole(scale), out: whole(out) },
    params: { size: x.size / lanes, ySize: y.size / lanes, width: x.width / lanes, factor },
    groups,
    rounds: 0,
  });
}

/** x · activation(y). */
export function multiply(gpu: Operations, command: CommandOf<GpuTensor, "multiply">): void {
  const { x, y, factors, activation, out } = command;
  const sharedBy = x.width / factors;
  const { constants, groups, lanes } = elementwise(gpu, x.size, sharedBy === 1 ? [x.width] : [1]);
  gpu.dispatch({
    kernel: "multiply",
    constants: { ...constants, ACTIVATION: activationName(activation) },
    bindings: { x: whole(x), y: whole(y), out: whole(out) },
    params: {
      size: x.size / lanes,
      width: x.width / lanes,
      factors: factors / lanes,
      sharedBy,
      rowStride: y.shape.length === 1 ? 0 : factors / lanes,
    },
    groups,
    rounds: 0,
  });
}

/** An activation by itself. */
export function activate(gpu: Operations, { x, activation, out }: CommandOf<GpuTensor, "activate">): void {
  const { constants, groups, lanes } = elementwise(gpu, x.size, [x.size]);
  gpu.dispatch({
    kernel: "activate",
    constants: { ...constants, ACTIVATION: activationName(activation) },
    bindings: { x: whole(x), out: whole(out) },
    params: { size: x.size / lanes },
    groups,
    rounds: 0,
  });
}

/** First half · activation(second half). */
export function glu(gpu: Operations, { x, activation, out }: CommandOf<GpuTensor, "glu">): void {
  const { constants, groups, lanes } = elementwise(gpu, out.size, [out.width]);
  gpu.dispatch({
    kernel: "glu",
    constants: { ...constants, ACTIVATION: activationName(activation) },
    bindings: { x: whole(x), out: whole(out) },
    params: { size: out.size / lanes, width: out.width / lanes },
    groups,
    rounds: 0,
  });
}

/** Rows that the mask hides become zero. */
export function maskRows(gpu: Operations, { x, mask, out }: CommandOf<GpuTensor, "maskRows">): void {
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

/** Rotary positions. */
export function rotary(gpu: Operations, { x, table, heads, pairs, out }: CommandOf<GpuTensor, "rotary">): void {
  const { constants, groups } = elementwise(gpu, x.size, [1]);
  gpu.dispatch({
    kernel: "rotary",
    constants: { ...constants, ADJACENT: pairs === "adjacent" },
    bindings: { x: whole(x), angles: whole(table), out: whole(out) },
    params: { size: x.size, width: x.width, dim: x.width / heads, rotated: table.width, tableRows: table.rows },
    groups,
    rounds: 0,
  });
}

/** Layer norm. */
export function layerNorm(gpu: Operations, command: CommandOf<GpuTensor, "layerNorm">): void {
  const { x, gain, gainOffset, bias, eps, out } = command;
  const { constants, rounds } = reduction(gpu, x.width, 3);
  gpu.dispatch({
    kernel: "layer_norm",
    constants: { ...constants, HAS_GAIN: gain !== undefined, HAS_BIAS: bias !== undefined },
    bindings: { x: whole(x), gain: gain && whole(gain), bias: bias && whole(bias), out: whole(out) },
    params: { rows: x.rows, width: x.width, gainOffset, eps },
    groups: fold(gpu.profile, x.rows),
    rounds,
  });
}

/** L2 norm of groups of features. */
export function l2Norm(gpu: Operations, command: CommandOf<GpuTensor, "l2Norm">): void {
  const { x, groups, gain, gainOffset, factor, eps, squareEps, out } = command;
  const rows = x.rows * groups;
  const { constants, rounds } = reduction(gpu, x.width / groups, 2);
  gpu.dispatch({
    kernel: "l2_norm",
    constants: { ...constants, HAS_GAIN: gain !== undefined },
    bindings: { x: whole(x), gain: gain && whole(gain), out: whole(out) },
    params: {
      rows,
      width: x.width / groups,
      dim: x.width,
      gainSize: gain?.size ?? 1,
      gainOffset,
      factor,
      eps,
      squareEps,
    },
    groups: fold(gpu.profile, rows),
    rounds,
  });
}

/** Softmax over the last dimension, or its logarithm. */
export function softmax(gpu: Operations, { op, x, out }: CommandOf<GpuTensor, "softmax" | "logSoftmax">): void {
  const { constants, rounds } = reduction(gpu, x.width, 3);
  gpu.dispatch({
    kernel: "softmax",
    constants: { ...constants, LOWEST, LOGARITHM: op === "logSoftmax" },
    bindings: { x: whole(x), out: whole(out) },
    params: { rows: x.rows, width: x.width },
    groups: fold(gpu.profile, x.rows),
    rounds,
  });
}

/** Segments of features moved along the sequence. */
export function shiftTokens(gpu: Operations, { x, shifts, previous, out }: CommandOf<GpuTensor, "shiftTokens">): void {
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
