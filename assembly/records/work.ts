/**
 * How much work a command is, so that threads are not woken for little.
 *
 * @module
 */

import type { Command } from "../../engine/commands.ts";
import type { Kernel } from "../generated/kernel.ts";
import type { WasmTensor } from "./encoders/encoder.ts";
import { RecordWord } from "./team_layout.ts";

/** Less work than this takes one thread less time than several threads need to share it. */
const WORTH_SHARING = 16384;
/** Products that take as long as an operation on one value, where weights are read from memory. */
const PRODUCTS = 8;

/** Time of a unit of work, roughly: an operation on one value. */
export const NANOSECONDS = 0.5;

/** The first word of a record with so much work, in values that an operation goes through. */
export function recordWord(kernel: Kernel, work: number): number {
  return work < WORTH_SHARING ? kernel : kernel | RecordWord.isShared;
}

/** The first word of one of several parts of a record. */
export function partWord(word: number, part: number, parts: number): number {
  return word | part << RecordWord.part | (parts - 1) << RecordWord.furtherParts;
}

/** How much work a command is. Results don't depend on it. */
export function workOf(command: Command<WasmTensor>): number {
  switch (command.op) {
    case "linear":
      return command.out.size * command.weight.width / PRODUCTS;
    case "attention":
    case "attentionScores":
      return command.q.size * command.k.rows / Math.max(1, command.k.shape[0] ?? 1) / PRODUCTS;
    case "attentionValues":
      return command.probabilities.size * command.dim / PRODUCTS;
    case "appendCache":
      return command.x.size;
    case "copyCache":
      return command.count * (command.cache.shape[1] ?? 0) * command.cache.width;
    case "meanPool":
      return command.x.size;
    case "crossEntropy":
      return command.logits.size;
    case "repetitionPenalty":
    case "filterLogits":
    case "sample":
      // A row is one piece.
      return command.logits.rows > 1 ? command.logits.size : 0;
    case "acceptDraft":
      return 0;
    default:
      return command.out.size;
  }
}
