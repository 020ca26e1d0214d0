import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { finiteHalvesToFloats } from "../common/half";
import { madd } from "../common/simd";

/*
 * What formats of blocks share, each of which is a file beside this one: blocks of 32 values as GGML lays them out, in
 * rows of files and caches, and in weights panels of blocks, whose order is ours, see `weights/quantized_panels.ts`.
 */

/** Bytes of one 32-bit word of each output feature of a panel. */
export const STEP_BYTES: usize = 64;

/** Bytes of a block's scales in a panel. */
export const SCALE_BYTES: usize = <usize> QUANTIZED_PANEL << 1;

/** Bytes of 32 quantized inputs. */
export const INPUT_BLOCK: usize = <usize> BLOCK << 1;

/** Bytes of the pairs of a block in a tile of 8 columns. */
export const COLUMN_TILE_BYTES: usize = <usize> BLOCK << 4;

/** Largest magnitude of 32 values; not of a NaN. */
export function largestMagnitude(values: usize): f32 {
  let largest = f32x4.splat(0);
  for (const end = values + (BLOCK << 2); values < end; values += 16) {
    largest = f32x4.pmax(largest, f32x4.abs(v128.load(values)));
  }
  const pairs = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** The first of 32 values that has the largest magnitude; of zeros 0, never -0. */
export function firstLargest(values: usize): f32 {
  const magnitude = largestMagnitude(values);
  if (magnitude == 0) return 0;
  for (const end = values + (BLOCK << 2); values < end; values += 4) {
    const value = load<f32>(values);
    if (Mathf.abs(value) == magnitude) return value;
  }
  return magnitude;
}

/** Four of eight whole numbers of 16 bits, as f32. */
// @ts-ignore: decorator
@inline
export function lowFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
}

/** The other four. */
// @ts-ignore: decorator
@inline
export function highFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
}

/** sum + dot · scale of the weights, which are four f16 · scale of the inputs. */
// @ts-ignore: decorator
@inline
export function addBlock(dot: v128, halves: usize, inputScale: v128, sum: v128): v128 {
  const scale = finiteHalvesToFloats(v128.load_ext<i16>(halves));
  return madd(f32x4.mul(f32x4.convert_i32x4_s(dot), scale), inputScale, sum);
}
