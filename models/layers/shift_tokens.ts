/**
 * Token shift: part of each token's features come from its neighbors (github.com/BlinkDL/RWKV-LM).
 *
 * @module
 */

import type { Tensor } from "../../backend/memory.ts";
import type { TransformerConfig } from "../config/transformer_config.ts";
import type { Pass } from "./pass.ts";

/** Positions by which each segment of the features moves: 0 .. t looking back only, -t .. t looking both ways. */
export function segmentShifts(config: TransformerConfig): number[] {
  const { shiftTokens, attnLayers } = config;
  const first = attnLayers === "decoder" ? 0 : -shiftTokens;
  return Array.from({ length: shiftTokens - first + 1 }, (_, i) => first + i);
}

/** Shifts x (b, n, dim); in cached steps the rows before it come from the cache. */
export function shiftTokens(pass: Pass, x: Tensor, shifts: readonly number[], layer: number): Tensor {
  return pass.backend.shiftTokens(x, shifts, pass.cache?.previousRows(layer, x));
}
