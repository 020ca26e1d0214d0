import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { SCALE_BYTES, STEP_BYTES } from "../formats/blocks";
import { words } from "../formats/formats";

/*
 * How quantized weights lie in memory: the values are GGML's, blocks of 32 features of a row with an f16 scale; the
 * order is ours. Panels of 16 output features, [out / 16][in / 32][block], the last ones filled up with zeros; a block
 * of a panel holds
 *
 *     q8_0: 8 × 64 bytes, 4 features each, then 16 scales: 544 bytes
 *     q4_0: 4 × 64 bytes, 8 features each, then 16 scales: 288 bytes
 *
 * In 64 bytes each output feature has one 32-bit word, of two halves that i32x4.dot_i16x8_s multiplies with two
 * features side by side. `formats/` tells how features lie in a word.
 *
 * One row of input reads a panel as one stream with 4 sums in registers; many rows unpack a panel for all of them. The
 * other orders and products that were tried: bench/products/quantized_shapes.md.
 */

/** Bytes of the quants in a block of a panel; its scales lie behind them. */
export function quantBytes(format: i32): usize {
  return words(format) * STEP_BYTES;
}

/** Bytes of a block of a panel. */
export function panelBlockBytes(format: i32): usize {
  return quantBytes(format) + SCALE_BYTES;
}

/** Blocks of a row. */
// @ts-ignore: decorator
@inline
export function blockCount(inSize: i32): i32 {
  return (inSize + BLOCK - 1) / BLOCK;
}

/** Panels of a weight with `out` output features. */
// @ts-ignore: decorator
@inline
export function quantizedPanelCount(out: i32): i32 {
  return (out + QUANTIZED_PANEL - 1) / QUANTIZED_PANEL;
}
