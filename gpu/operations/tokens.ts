/**
 * From logits to tokens, and the loss.
 *
 * @module
 */
import { LOWEST } from "../../backend.ts";
import type { CommandOf } from "../../engine/commands.ts";
import { inverseOf } from "../../engine/temperature.ts";
import { type GpuTensor, whole, wholeBuffer } from "../storage.ts";
import { elementwise, fold, type Operations, reduction, ROW_WORKGROUP } from "./operation.ts";
import { clone } from "./rows.ts";

/** Sum over rows of -log softmax(logits)[target]. */
export function crossEntropy(gpu: Operations, command: CommandOf<GpuTensor, "crossEntropy">): void {
  const { logits, targets, ignoreIndex, out } = command;
  const losses = wholeBuffer(gpu.temporary(Math.max(logits.rows, 1) * 4));
  gpu.dispatch({
    kernel: "cross_entropy",
    constants: { ...reduction(gpu, logits.width), LOWEST },
    bindings: { logits: whole(logits), targets: whole(targets), losses },
    params: { rows: logits.rows, width: logits.width, ignoreIndex },
    groups: fold(gpu.profile, logits.rows),
  });
  gpu.dispatch({
    kernel: "sum",
    constants: reduction(gpu, logits.rows),
    bindings: { x: losses, out: whole(out) },
    params: { size: logits.rows },
    groups: [1, 1, 1],
  });
}

/** A copy of the logits in which the tokens of the history are less likely. */
export function repetitionPenalty(gpu: Operations, command: CommandOf<GpuTensor, "repetitionPenalty">): void {
  const { logits, history, penalty, out } = command;
  clone(gpu, { op: "clone", x: logits, out });
  const { constants, groups } = elementwise(gpu, history.size, [1]);
  gpu.dispatch({
    kernel: "repetition_penalty",
    constants: { ...constants, LOWEST },
    bindings: { logits: whole(logits), history: whole(history), out: whole(out) },
    params: { size: history.size, history: history.width, width: logits.width, penalty },
    groups,
  });
}

/** Logits with all that a filter removes hidden. */
export function filterLogits(gpu: Operations, { logits, filter, out }: CommandOf<GpuTensor, "filterLogits">): void {
  const { topK = logits.width, topP = 1, minP, topA } = filter;
  gpu.dispatch({
    kernel: "filter_logits",
    constants: {
      // Bit by bit through the vocabulary takes many rounds, and llvmpipe ends loops after 65,535 of them.
      ...reduction(gpu, logits.width, ROW_WORKGROUP),
      LOWEST,
      HAS_TOP_K: topK < logits.width,
      HAS_TOP_P: topP < 1,
      TAIL: topP > 0.5,
      HAS_MIN_P: minP !== undefined,
      HAS_TOP_A: topA !== undefined,
    },
    bindings: { logits: whole(logits), out: whole(out) },
    params: {
      rows: logits.rows,
      width: logits.width,
      topK,
      smallerMass: Math.min(topP, 1 - topP),
      minP: minP ?? 0,
      topAPower: topA?.power ?? 1,
      topARatio: topA?.ratio ?? 0,
    },
    groups: fold(gpu.profile, logits.rows),
  });
}

/** One token for each row. */
export function sample(gpu: Operations, command: CommandOf<GpuTensor, "sample">): void {
  const { logits, temperature, seed, counter, out } = command;
  gpu.dispatch({
    kernel: "sample",
    constants: { ...reduction(gpu, logits.width), LOWEST, GREEDY: temperature === 0 },
    bindings: { logits: whole(logits), out: whole(out) },
    params: {
      rows: logits.rows,
      width: logits.width,
      seed,
      counter,
      inverseTemperature: inverseOf(temperature),
    },
    groups: fold(gpu.profile, logits.rows),
  });
}

/** How many drafted tokens are accepted, and the token after them. */
export function acceptDraft(gpu: Operations, command: CommandOf<GpuTensor, "acceptDraft">): void {
  const { target, draft, tokens, temperature, seed, counter, out } = command;
  gpu.dispatch({
    kernel: "accept_draft",
    constants: { ...reduction(gpu, target.width), LOWEST },
    bindings: { wanted: whole(target), guessed: whole(draft), tokens: whole(tokens), out: whole(out) },
    params: {
      drafted: draft.rows,
      width: target.width,
      seed,
      counter,
      inverseTemperature: inverseOf(temperature),
    },
    groups: [1, 1, 1],
  });
}
