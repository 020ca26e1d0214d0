/**
 * How much there is to do, so that threads are not called together for nothing.
 *
 * @module
 */
import type { Command } from "../engine/commands.ts";
import type { WasmTensor } from "./encoders/encoder.ts";

/** Less than this one thread does sooner than several agree on it; in values that an operation goes through, about 0.5 ns each. */
export const WORTH_SHARING = 8192;
/** Products that take as long as one such value, where weights are read from memory. */
const PRODUCTS = 8;

/** Whether several threads should do a command. Results don't depend on it. */
export function isWorthSharing(command: Command<WasmTensor>): boolean {
  return workOf(command) >= WORTH_SHARING;
}

function workOf(command: Command<WasmTensor>): number {
  switch (command.op) {
    case "linear":
      return command.out.size * command.weight.width / PRODUCTS;
    case "attention":
    case "attentionScores":
      return command.q.size * command.k.rows / Math.max(1, command.q.shape[0] ?? 1) / PRODUCTS;
    case "attentionValues":
      return command.probabilities.size * command.dim / PRODUCTS;
    case "appendCache":
      return command.x.size;
    case "meanPool":
      return command.x.size;
    case "crossEntropy":
    case "repetitionPenalty":
    case "filterLogits":
    case "sample":
      return command.logits.size;
    case "acceptDraft":
      return 0;
    default:
      return command.out.size;
  }
}
