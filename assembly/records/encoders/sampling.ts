/**
 * Records of what turns logits into tokens.
 *
 * @module
 */

import { inverseOf } from "../../../engine/temperature.ts";
import { floatBits } from "../command_list.ts";
import { Kernel } from "../kernel_id.ts";
import { addressOf, type Encoders } from "./encoder.ts";

/** Encoders of what turns logits into tokens. */
export const sampling: Pick<Encoders, "repetitionPenalty" | "filterLogits" | "sample" | "acceptDraft"> = {
  repetitionPenalty({ logits, history, penalty, out }, recorder) {
    const addresses = [addressOf(logits), addressOf(history), addressOf(out)];
    const sizes = [logits.rows, logits.width, history.width];
    recorder.push(Kernel.repetitionPenalty, ...addresses, ...sizes, floatBits(penalty));
  },
  filterLogits({ logits, topK = 0, topP = 1, minP = 0, topA, out }, recorder) {
    const addresses = [addressOf(logits), addressOf(out)];
    const limits = [topP, minP, topA?.power ?? 0, topA?.ratio ?? 0].map(floatBits);
    const count = Math.min(topK, logits.width);
    recorder.push(Kernel.filterLogits, ...addresses, logits.rows, logits.width, count, ...limits);
  },
  sample({ logits, temperature, seed, counter, out }, recorder) {
    const addresses = [addressOf(logits), addressOf(out)];
    const inverse = temperature === 0 ? Infinity : inverseOf(temperature);
    recorder.push(Kernel.sample, ...addresses, logits.rows, logits.width, floatBits(inverse), seed, counter);
  },
  acceptDraft({ target, draft, tokens, temperature, seed, counter, out }, recorder) {
    const addresses = [addressOf(target), addressOf(draft), addressOf(tokens), addressOf(out)];
    const inverse = floatBits(inverseOf(temperature));
    recorder.push(Kernel.acceptDraft, ...addresses, tokens.size, target.width, inverse, seed, counter);
  },
};
