/**
 * What happens when a text outgrows the longest sequence of its model.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import type { TextModel } from "./text_model.ts";

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
export function overflowOf({ net: { slidingObstacle: hindrance } }: TextModel, asked: Overflow | undefined): Overflow {
  if (asked === "slide" && hindrance) {
    throw new ConfigError(`Cannot use overflow = slide with this model: ${hindrance}; use "recompute" or "stop"`);
  }
  return asked ?? (hindrance ? "recompute" : "slide");
}
