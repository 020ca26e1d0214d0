/**
 * Token shift: part of each token's features come from its neighbors (github.com/BlinkDL/RWKV-LM).
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { SublayerKind } from "../network/architecture.ts";
import type { Pass } from "./pass.ts";

/**
 * Shifts x (b, n, dim); in cached steps the rows before it come from the cache. Attention hides padded tokens from
 * their neighbors; the feed forward does not know them, as in the references.
 *
 * @param shifts Positions by which each segment of the features moves.
 */
export function shiftTokens(
  pass: Pass,
  x: Tensor,
  kind: SublayerKind,
  layer: number,
  shifts: readonly number[] = [],
): Tensor {
  if (shifts.length === 0) return x;
  const visible = pass.mask && kind !== "feedForward" ? pass.backend.maskRows(x, pass.mask) : x;
  return pass.backend.shiftTokens(visible, shifts, pass.cache?.previousRows(layer, visible));
}
