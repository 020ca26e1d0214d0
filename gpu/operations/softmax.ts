/**
 * The softmax and the loss on it.
 *
 * @module
 */

import { LOWEST } from "../../backend/operations.ts";
import type { CommandOf } from "../../engine/commands.ts";
import { type GpuTensor, whole } from "../memory/storage.ts";
import { type Dispatches, fold, type Operations, reduction } from "./operation.ts";

/** Softmax over the last dimension, or its logarithm. */
function softmax(gpu: Operations, { op, x, out }: CommandOf<GpuTensor, "softmax" | "logSoftmax">): void {
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

/** Sum over rows of -log softmax(logits)[target]. */
function crossEntropy(gpu: Operations, command: CommandOf<GpuTensor, "crossEntropy">): void {
  const { logits, targets, ignoreIndex, out } = command;
  const losses = gpu.temporary(logits.rows * 4);
  const [each, sum] = [reduction(gpu, logits.width, 2), reduction(gpu, logits.rows, 1)];
  gpu.dispatch({
    kernel: "cross_entropy",
    constants: { ...each.constants, LOWEST },
    bindings: { logits: whole(logits), targets: whole(targets), losses },
    params: { rows: logits.rows, width: logits.width, ignoreIndex },
    groups: fold(gpu.profile, logits.rows),
    rounds: each.rounds,
  });
  gpu.dispatch({
    kernel: "sum",
    constants: sum.constants,
    bindings: { x: losses, out: whole(out) },
    params: { size: logits.rows },
    groups: [1, 1, 1],
    rounds: sum.rounds,
  });
}

/** The softmax and the loss on it. */
export const softmaxOperations = { crossEntropy, logSoftmax: softmax, softmax } satisfies Partial<Dispatches>;
