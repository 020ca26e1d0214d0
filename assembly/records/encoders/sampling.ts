/**
 * Records of what turns logits into tokens.
 *
 * @module
 */

import { inverseOf } from "../../../engine/temperature.ts";
import * as record from "../../generated/records.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of what turns logits into tokens. */
export const sampling = {
  filterLogits({ logits, topK = 0, topP = 1, minP = 0, topA, out }, recorder) {
    record.filterLogits(recorder, {
      logits: addressOf(logits),
      out: addressOf(out),
      rows: logits.rows,
      width: logits.width,
      topK: Math.min(topK, logits.width),
      topP,
      minP,
      topAPower: topA?.power ?? 0,
      topARatio: topA?.ratio ?? 0,
    });
  },
  sample({ logits, temperature, seed, counter, out }, recorder) {
    record.sample(recorder, {
      logits: addressOf(logits),
      out: addressOf(out),
      rows: logits.rows,
      width: logits.width,
      inverse: temperature === 0 ? Infinity : inverseOf(temperature),
      seed,
      counter,
    });
  },
  acceptDraft({ target, draft, tokens, temperature, seed, counter, out }, recorder) {
    record.acceptDraft(recorder, {
      target: addressOf(target),
      draft: addressOf(draft),
      tokens: addressOf(tokens),
      out: addressOf(out),
      drafted: tokens.size,
      width: target.width,
      inverse: inverseOf(temperature),
      seed,
      counter,
    });
  },
} satisfies Partial<Encoders>;
