/**
 * From commands to operations.
 *
 * @module
 */

import type { Command } from "../../engine/commands.ts";
import type { GpuTensor } from "../memory/storage.ts";
import * as attention from "./attention.ts";
import * as elementwise from "./elementwise.ts";
import * as linear from "./linear.ts";
import type { Operations } from "./operation.ts";
import * as rows from "./rows.ts";
import * as tokens from "./tokens.ts";

/** Records the dispatches of a command. */
export function run(gpu: Operations, command: Command<GpuTensor>): void {
  switch (command.op) {
    case "embedding":
      return linear.embedding(gpu, command);
    case "linear":
      return linear.linear(gpu, command);
    case "layerNorm":
      return elementwise.layerNorm(gpu, command);
    case "l2Norm":
      return elementwise.l2Norm(gpu, command);
    case "rotary":
      return elementwise.rotary(gpu, command);
    case "activate":
      return elementwise.activate(gpu, command);
    case "glu":
      return elementwise.glu(gpu, command);
    case "add":
      return elementwise.add(gpu, command);
    case "multiply":
      return elementwise.multiply(gpu, command);
    case "maskRows":
      return elementwise.maskRows(gpu, command);
    case "shiftTokens":
      return elementwise.shiftTokens(gpu, command);
    case "softmax":
    case "logSoftmax":
      return elementwise.softmax(gpu, command);
    case "attention":
      return attention.attention(gpu, command);
    case "attentionScores":
      return attention.attentionScores(gpu, command);
    case "attentionValues":
      return attention.attentionValues(gpu, command);
    case "appendCache":
      return attention.appendCache(gpu, command);
    case "gatherRows":
      return rows.gatherRows(gpu, command);
    case "concat":
      return rows.concat(gpu, command);
    case "clone":
      return rows.clone(gpu, command);
    case "slice":
      return rows.slice(gpu, command);
    case "meanPool":
      return rows.meanPool(gpu, command);
    case "patches":
      return rows.patches(gpu, command);
    case "crossEntropy":
      return tokens.crossEntropy(gpu, command);
    case "repetitionPenalty":
      return tokens.repetitionPenalty(gpu, command);
    case "filterLogits":
      return tokens.filterLogits(gpu, command);
    case "sample":
      return tokens.sample(gpu, command);
    case "acceptDraft":
      return tokens.acceptDraft(gpu, command);
  }
}
