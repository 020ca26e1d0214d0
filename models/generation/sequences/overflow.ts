/**
 * What happens when a sequence outgrows the longest one that its model takes.
 *
 * @module
 */

import { ConfigError, ShapeError } from "../../../errors.ts";
import type { TextModel } from "../text_model.ts";

/**
 * How a text goes on beyond `maxSeqLen`:
 * - "slide" predicts from the keys and values of the last `maxSeqLen` tokens and drops older ones, at constant cost;
 * - "recompute" computes the last `maxSeqLen` tokens anew for every token, as the references' cropping does;
 * - "stop" ends the text.
 *
 * @category Generation
 */
export type Overflow = "slide" | "recompute" | "stop";

/**
 * The way that a model takes: the one that is asked for, else "slide" where it is possible.
 *
 * @throws {ConfigError} For "slide" where keys can't outlive their window.
 */
export function overflowOf({ net: { slidingObstacle } }: TextModel, asked: Overflow | undefined): Overflow {
  if (asked === "slide" && slidingObstacle) {
    throw new ConfigError(`Cannot use overflow = slide with this model: ${slidingObstacle}; use "recompute" or "stop"`);
  }
  return asked ?? (slidingObstacle ? "recompute" : "slide");
}

/** @throws {ShapeError} For a sequence longer than the model can take, where overflow is "stop". */
export function checkFits(length: number, maxSeqLen: number, overflow: Overflow): void {
  if (overflow !== "stop" || length <= maxSeqLen) return;
  throw new ShapeError(
    `Cannot continue a text of ${length} tokens with overflow = stop: maxSeqLen = ${maxSeqLen}; cut it, ` +
      `or let overflow be "slide" or "recompute"`,
  );
}
