/**
 * Operations on each value by itself.
 *
 * @module
 */

import type { CommandOf } from "../../engine/commands.ts";
import { type GpuTensor, whole } from "../memory/storage.ts";
import { activationName, type Dispatches, elementwise, type Operations } from "./operation.ts";

/** x + y · scale · factor. */
function add(gpu: Operations, { x, y, scale, factor, out }: CommandOf<GpuTensor, "add">): void {
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
function multiply(gpu: Operations, command: CommandOf<GpuTensor, "multiply">): void {
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
function activate(gpu: Operations, { x, activation, out }: CommandOf<GpuTensor, "activate">): void {
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
function glu(gpu: Operations, { x, activation, out }: CommandOf<GpuTensor, "glu">): void {
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

/** Operations on each value by itself. */
export const elementwiseOperations = { activate, add, glu, multiply } satisfies Partial<Dispatches>;
