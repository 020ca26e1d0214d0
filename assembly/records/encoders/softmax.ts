/**
 * Records of the softmax and the loss on it.
 *
 * @module
 */

import { Kernel } from "../kernel_id.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of the softmax and the loss on it. */
export const softmax: Pick<Encoders, "softmax" | "logSoftmax" | "crossEntropy"> = {
  softmax({ x, out }, recorder) {
    recorder.push(Kernel.softmax, addressOf(x), addressOf(out), x.rows, x.width);
  },
  logSoftmax({ x, out }, recorder) {
    recorder.push(Kernel.logSoftmax, addressOf(x), addressOf(out), x.rows, x.width);
  },
  crossEntropy({ logits, targets, ignoreIndex, out }, recorder) {
    const { rows, width } = logits;
    const losses = recorder.temporary(rows * 4);
    recorder.push(Kernel.crossEntropy, addressOf(logits), addressOf(targets), losses, rows, width, ignoreIndex);
    recorder.push(Kernel.sumValues, losses, addressOf(out), rows);
  },
};
