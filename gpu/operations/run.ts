/**
 * From commands to dispatches: one function for each operation.
 *
 * @module
 */

import type { OperationName } from "../../backend/operations/table.ts";
import type { CommandOf } from "../../engine/commands.ts";
import type { GpuTensor } from "../memory/storage.ts";
import { attentionOperations } from "./attention.ts";
import { elementwiseOperations } from "./elementwise.ts";
import { linearOperations } from "./linear.ts";
import { normOperations } from "./norm.ts";
import type { Dispatches, Operations } from "./operation.ts";
import { samplingOperations } from "./sampling.ts";
import { sequenceOperations } from "./sequence.ts";
import { softmaxOperations } from "./softmax.ts";

const dispatches: Dispatches = {
  ...attentionOperations,
  ...elementwiseOperations,
  ...linearOperations,
  ...normOperations,
  ...samplingOperations,
  ...sequenceOperations,
  ...softmaxOperations,
};

/** Records the dispatches of a command. */
export function run<Op extends OperationName>(gpu: Operations, command: CommandOf<GpuTensor, Op>): void {
  dispatches[command.op](gpu, command);
}
