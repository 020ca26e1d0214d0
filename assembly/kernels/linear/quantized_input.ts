import { BLOCK } from "../../records/constants";
import { maxLanes } from "../common/simd";
import { INPUT_BLOCK } from "../formats/blocks";
import { biasFactors } from "../formats/formats";

/*
 * Inputs of products with quantized weights: 16-bit integers with an f32 scale for each 32 of them, so that sums over a
 * block are exact integers whatever their order. 8 bits would serve the relaxed dot product, which is 1.5 times as fast
 * on q4_0 and 1.1 times on q8_0 (bench/products/quantized_shapes.md), but put an error of 0.5 % into every sum, 250
 * times as much as 16 bits.
 */

/** The largest quantized input. Below it, 32 products with biased weights stay within 31 bits. */
const LARGEST: f32 = 32767;

/**
 * Quantizes `count` features, filled up with zeros to whole blocks: integers to `to`, for each block an f32 scale to
 * `scales`, every `stride` bytes. `padded` takes a block.
 */
export function quantizeInput(x: usize, count: i32, to: usize, scales: usize, stride: usize, padded: usize): void {
  for (; count > 0; count -= BLOCK, x += BLOCK << 2, to += INPUT_BLOCK, scales += stride) {
    let values = x;
    if (count < BLOCK) {
      memory.fill(padded, 0, BLOCK << 2);
      memory.copy(padded, x, <usize> count << 2);
      values = padded;
    }
    let largest = f32x4.splat(0);
    for (let i: usize = 0; i < 2 * INPUT_BLOCK; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(values + i)));
    const magnitude = maxLanes(largest);
    // A NaN goes through the scale into all that is multiplied with it.
    store<f32>(scales, magnitude / LARGEST);
    const inverse = f32x4.splat(magnitude != 0 ? LARGEST / magnitude : 0);
    for (let i: usize = 0; i < INPUT_BLOCK; i += 16, values += 32) {
      const low = rounded(v128.load(values), inverse), high = rounded(v128.load(values, 16), inverse);
      v128.store(to + i, i16x8.narrow_i32x4_s(low, high));
    }
  }
}

// @ts-ignore: decorator
@inline
function rounded(values: v128, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(values, inverse)));
}

/**
 * What the biases of weights have added to a product with a block of inputs, to be taken off: to `to`, every `stride`
 * bytes.
 */
export function biasCorrections(x: usize, blocks: i32, format: i32, to: usize, stride: usize): void {
  const factors = biasFactors(format);
  for (; blocks > 0; blocks--, to += stride) {
    let sum = i32x4.splat(0);
    for (const end = x + INPUT_BLOCK; x < end; x += 16) {
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(x), factors));
    }
    sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
    store<i32>(to, i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1));
  }
}
