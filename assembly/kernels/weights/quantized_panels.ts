import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";

/*
 * How q8_0 and q4_0 weights lie in memory: the values are GGML's, blocks of 32 features of a row with an f16 scale; the
 * order is ours. Panels of 16 output features, [out / 16][in / 32][block], the last ones filled up with zeros; a block
 * of a panel holds
 *
 *     q8_0: 8 × 64 bytes, 4 features each, then 16 scales: 544 bytes
 *     q4_0: 4 × 64 bytes, 8 features each, then 16 scales: 288 bytes
 *
 * In 64 bytes each output feature has one 32-bit word, of two halves that i32x4.dot_i16x8_s multiplies with two
 * features side by side. Features come in such pairs: q8_0 keeps pair 0 in the halves' low bytes, 128 added so that a
 * mask unpacks them, and pair 1 in the high ones, signed; q4_0 keeps pairs 0 to 3 in the halves' nibbles from low to
 * high, 8 added, as GGML does.
 *
 * One row of input reads a panel as one stream with 4 sums in registers; many rows unpack a panel for all of them. The
 * other orders and products that were tried: bench/products/quantized_shapes.md.
 */

/** Bytes of 4 (q8_0) or 8 (q4_0) features of a panel. */
export const STEP_BYTES: usize = 64;
/** Bytes of a block's scales. */
export const SCALE_BYTES: usize = <usize> QUANTIZED_PANEL << 1;

/** Bytes of the quants in a block of a panel; its scales lie behind them. */
// @ts-ignore: decorator
@inline
export function quantBytes(format: i32): usize {
  return <usize> QUANTIZED_PANEL * BLOCK >> (format == FormatId.q8_0 ? 0 : 1);
}

/** Bytes of a block of a panel. */
// @ts-ignore: decorator
@inline
export function blockBytes(format: i32): usize {
  return quantBytes(format) + SCALE_BYTES;
}

/** Blocks of a row. */
// @ts-ignore: decorator
@inline
export function blockCount(inSize: i32): i32 {
  return (inSize + BLOCK - 1) / BLOCK;
}

/** Whether a format is one of these. */
// @ts-ignore: decorator
@inline
export function isQuantized(format: i32): bool {
  return format == FormatId.q8_0 || format == FormatId.q4_0;
}

/** Masks and terms, in memory: V8 would make a constant anew for every use. */
const LOW_BYTES = memory.data<i32>([0x00ff00ff]);
const LOW_NIBBLES = memory.data<i32>([0x000f000f]);
const BYTE_BIAS = memory.data<i32>([0x00800080]);
const NIBBLE_BIAS = memory.data<i32>([0x00080008]);

/** Keeps the low byte of each half. */
// @ts-ignore: decorator
@inline
export function lowBytes(): v128 {
  return v128.load32_splat(LOW_BYTES);
}

/** Keeps the low nibble of each half. */
// @ts-ignore: decorator
@inline
export function lowNibbles(): v128 {
  return v128.load32_splat(LOW_NIBBLES);
}

/** What is added to the low bytes of q8_0. */
// @ts-ignore: decorator
@inline
export function byteBias(): v128 {
  return v128.load32_splat(BYTE_BIAS);
}

/** What is added to the nibbles of q4_0. */
// @ts-ignore: decorator
@inline
export function nibbleBias(): v128 {
  return v128.load32_splat(NIBBLE_BIAS);
}
