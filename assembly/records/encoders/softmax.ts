/**
 * Records of the loss on logits.
 *
 * @module
 */

import * as record from "../../generated/records.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of the loss on logits. */
export const softmax = {
  crossEntropy({ logits, targets, ignoreIndex, out }, recorder) {
    const { rows, width } = logits;
    const losses = recorder.temporary(rows * 4);
    record.crossEntropy(recorder, {
      logits: addressOf(logits),
      targets: addressOf(targets),
      losses,
      rows,
      width,
      ignoreIndex,
    });
    record.sumValues(recorder, { values: losses, out: addressOf(out), count: rows });
  },
} satisfies Partial<Encoders>;
