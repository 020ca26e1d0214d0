/**
 * What happens when a sequence outgrows the longest one that its model takes.
 *
 * @module
 */

import { ConfigError, ShapeError } from "../../../errors.ts";
import type { TextModel } from "../text_model.ts";

/**
 * Beyond `maxSeqLen`, the next token is predicted
 * - "slide": from the keys and values of the last `maxSeqLen` tokens, the older ones dropped from the cache, at constant cost;
 * - "recompute": from the last `maxSeqLen` tokens, computed anew for every token, as the references' cropping does;
 * - "stop": not at all; the text ends.
 */
export type Overflow = "slide" | "recompute" | "stop";

/**
 * The way a model takes: the one asked for, else "slide" where it is possible.
 *
 * @throws {ConfigError} for "slide" where keys can't outlive their window
 */
export function overflowOf({ net: { slidingObstacle } }: TextModel, asked: Overflow | undefined): Overflow {
  if (asked === "slide" && slidingObstacle) {
    throw new ConfigError(`Cannot use overflow = slide with this model: ${slidingObstacle}; use "recompute" or "stop"`);
  }
  return asked ?? (slidingObstacle ? "recompute" : "slide");
}

/** @throws {ShapeError} for a sequence longer than the model can take, where overflow is "stop" */
export function checkFits(length: number, maxSeqLen: number, overflow: Overflow): void {
  if (overflow !== "stop" || length <= maxSeqLen) return;
  throw new ShapeError(
    `Cannot continue a text of ${length} tokens with overflow = stop: maxSeqLen = ${maxSeqLen}; cut it, ` +
      `or let overflow be "slide" or "recompute"`,
  );
}
