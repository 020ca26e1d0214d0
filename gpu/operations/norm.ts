/**
 * Norms.
 *
 * @module
 */

import type { CommandOf } from "../../engine/commands.ts";
import { type GpuTensor, whole } from "../memory/storage.ts";
import { type Dispatches, fold, type Operations, reduction } from "./operation.ts";

/** Layer norm. */
function layerNorm(gpu: Operations, command: CommandOf<GpuTensor, "layerNorm">): void {
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
function l2Norm(gpu: Operations, command: CommandOf<GpuTensor, "l2Norm">): void {
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

/** Norms. */
export const normOperations = { l2Norm, layerNorm } satisfies Partial<Dispatches>;
