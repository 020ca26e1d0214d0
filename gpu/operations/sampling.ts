/**
 * From logits to tokens.
 *
 * @module
 */

import { LOWEST } from "../../backend/operations.ts";
import type { CommandOf } from "../../engine/commands.ts";
import { inverseOf } from "../../engine/temperature.ts";
import { loop } from "../device/loops.ts";
import { type GpuTensor, whole } from "../memory/storage.ts";
import { type Dispatches, elementwise, fold, type Operations, reduction } from "./operation.ts";
import { clone } from "./sequence.ts";

/**
 * How often finding an edge of a filter goes through the vocabulary: for each bit of a key, then for those beside it.
 */
const EDGE_PASSES = 32 + 6;

/** A copy of the logits in which the tokens of the history are less likely. */
function repetitionPenalty(gpu: Operations, command: CommandOf<GpuTensor, "repetitionPenalty">): void {
  const { logits, history, penalty, out } = command;
  clone(gpu, { op: "clone", x: logits, out });
  const { constants, groups } = elementwise(gpu, history.size, [1]);
  gpu.dispatch({
    kernel: "repetition_penalty",
    constants: { ...constants, LOWEST },
    bindings: { logits: whole(logits), history: whole(history), out: whole(out) },
    params: { size: history.size, history: history.width, width: logits.width, penalty },
    groups,
    rounds: 0,
  });
}

/** Logits with all that a filter removes hidden. */
function filterLogits(gpu: Operations, command: CommandOf<GpuTensor, "filterLogits">): void {
  const { logits, topK = command.logits.width, topP = 1, minP, topA, out } = command;
  const [hasTopK, hasTopP] = [topK < logits.width, topP < 1];
  const edges = Number(hasTopK) + Number(hasTopP);
  const passes = 2 + edges * EDGE_PASSES + Number(topA !== undefined);
  const { constants, rounds } = reduction(gpu, logits.width, passes, (workgroup) => edges * loop(workgroup));
  gpu.dispatch({
    kernel: "filter_logits",
    constants: {
      ...constants,
      LOWEST,
      HAS_TOP_K: hasTopK,
      HAS_TOP_P: hasTopP,
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
    rounds,
  });
}

/** One token for each row. */
function sample(gpu: Operations, command: CommandOf<GpuTensor, "sample">): void {
  const { logits, temperature, seed, counter, out } = command;
  const { constants, rounds } = reduction(gpu, logits.width, 2);
  gpu.dispatch({
    kernel: "sample",
    constants: { ...constants, LOWEST, GREEDY: temperature === 0 },
    bindings: { logits: whole(logits), out: whole(out) },
    params: {
      rows: logits.rows,
      width: logits.width,
      seed,
      counter,
      inverseTemperature: inverseOf(temperature),
    },
    groups: fold(gpu.profile, logits.rows),
    rounds,
  });
}

/** How many drafted tokens are accepted, and the token after them. */
function acceptDraft(gpu: Operations, command: CommandOf<GpuTensor, "acceptDraft">): void {
  const { target, draft, tokens, temperature, seed, counter, out } = command;
  // Every row twice, and the last one twice more for the draw.
  const passes = 2 * (target.rows + draft.rows) + 2;
  const { constants, rounds } = reduction(gpu, target.width, passes, () => loop(draft.rows));
  gpu.dispatch({
    kernel: "accept_draft",
    constants: { ...constants, LOWEST },
    bindings: { wanted: whole(target), guessed: whole(draft), tokens: whole(tokens), out: whole(out) },
    params: {
      drafted: draft.rows,
      width: target.width,
      seed,
      counter,
      inverseTemperature: inverseOf(temperature),
    },
    groups: [1, 1, 1],
    rounds,
  });
}

/** From logits to tokens. */
export const samplingOperations = { acceptDraft, filterLogits, repetitionPenalty, sample } satisfies Partial<
  Dispatches
>;
