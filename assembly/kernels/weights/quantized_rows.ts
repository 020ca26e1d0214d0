import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { floatsToHalves, halvesToFloats } from "../common/half";
import {
  blockBytes,
  blockCount,
  byteBias,
  lowBytes,
  lowNibbles,
  nibbleBias,
  quantBytes,
  STEP_BYTES,
} from "./quantized_panels";

/*
 * Rows into q8_0 and q4_0 and back, to the bit as `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` of GGML's ggml-
 * quants.c. A row that ends inside a block is quantized as if zeros followed: they change no scale.
 */

/** Where a row's part of a weight begins: the word of its first features. */
// @ts-ignore: decorator
@inline
function wordOf(weight: usize, row: i32, inSize: i32, format: i32): usize {
  const panel = weight + <usize> (row / QUANTIZED_PANEL * blockCount(inSize)) * blockBytes(format);
  return panel + (<usize> (row % QUANTIZED_PANEL) << 2);
}

/** Where a row's scale of a block lies, given its word. */
// @ts-ignore: decorator
@inline
function scaleOf(word: usize, row: i32, format: i32): usize {
  return word + quantBytes(format) - (<usize> (row % QUANTIZED_PANEL) << 1);
}

/** Quantizes one row of f32 into a weight; `scratch` takes a block. */
export function writeQuantizedRow(
  from: usize,
  weight: usize,
  row: i32,
  inSize: i32,
  format: i32,
  scratch: usize,
): void {
  let word = wordOf(weight, row, inSize, format);
  for (let left = inSize; left > 0; left -= BLOCK, from += BLOCK << 2, word += blockBytes(format)) {
    let values = from;
    if (left < BLOCK) {
      memory.fill(scratch, 0, BLOCK << 2);
      memory.copy(scratch, from, <usize> left << 2);
      values = scratch;
    }
    const scale = scaleOf(word, row, format);
    if (format == FormatId.q8_0) writeQ8(values, word, scale);
    else writeQ4(values, word, scale);
  }
}

/** Copies one row of a weight as f32; `scratch` takes a block. */
export function readQuantizedRow(weight: usize, row: i32, inSize: i32, format: i32, to: usize, scratch: usize): void {
  let word = wordOf(weight, row, inSize, format);
  for (let left = inSize; left > 0; left -= BLOCK, to += BLOCK << 2, word += blockBytes(format)) {
    const scale = halvesToFloats(i32x4.splat(load<u16>(scaleOf(word, row, format))));
    const target = left < BLOCK ? scratch : to;
    if (format == FormatId.q8_0) readQ8(word, scale, target);
    else readQ4(word, scale, target);
    if (left < BLOCK) memory.copy(to, scratch, <usize> left << 2);
  }
}

/** Largest magnitude of 32 values; not of a NaN. */
export function largestMagnitude(values: usize): f32 {
  let largest = f32x4.splat(0);
  for (const end = values + (BLOCK << 2); values < end; values += 16) {
    largest = f32x4.pmax(largest, f32x4.abs(v128.load(values)));
  }
  const pairs = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** d = max |x| / 127, q = x / d rounded to the nearest, halves away from zero. */
function writeQ8(values: usize, word: usize, scale: usize): void {
  const d: f32 = largestMagnitude(values) / 127;
  store<u16>(scale, halfOf(d));
  const inverse = f32x4.splat(d != 0 ? 1 / d : 0);
  const bias = i32x4(128, 128, 0, 0);
  for (const end = values + (BLOCK << 2); values < end; values += 16, word += STEP_BYTES) {
    const biased = i32x4.add(quantizeFour(v128.load(values), inverse), bias);
    // The low bytes of pair 0, each followed by one of pair 1.
    const packed = v128.shuffle<i8>(biased, biased, 0, 8, 4, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    store<u32>(word, i32x4.extract_lane(packed, 0));
  }
}

/** Four values times 1 / d as whole numbers, rounded to the nearest, halves away from zero. */
// @ts-ignore: decorator
@inline
export function quantizeFour(values: v128, inverse: v128): v128 {
  const x = f32x4.mul(values, inverse);
  const whole = f32x4.trunc(x);
  const isHalf = f32x4.ge(f32x4.abs(f32x4.sub(x, whole)), f32x4.splat(0.5));
  const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), f32x4.splat(1));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(whole, v128.and(isHalf, one)));
}

/** d = the value of the largest magnitude / -8, q = x / d + 8 rounded to the nearest, halves upwards, at most 15. */
function writeQ4(values: usize, word: usize, scale: usize): void {
  const d: f32 = firstOfMagnitude(values, largestMagnitude(values)) / -8;
  store<u16>(scale, halfOf(d));
  const inverse = f32x4.splat(d != 0 ? 1 / d : 0);
  for (const end = values + (BLOCK << 2); values < end; values += 32, word += STEP_BYTES) {
    const first = nibbles(v128.load(values), inverse);
    const second = nibbles(v128.load(values, 16), inverse);
    // Lane i: features i and i + 4; then those of lane i + 2 go between.
    const bytes = v128.or(first, i32x4.shl(second, 8));
    const halves = v128.or(bytes, i32x4.shl(v128.shuffle<i32>(bytes, bytes, 2, 3, 2, 3), 4));
    store<u32>(word, i32x4.extract_lane(halves, 0) | i32x4.extract_lane(halves, 1) << 16);
  }
}

// @ts-ignore: decorator
@inline
function nibbles(values: v128, inverse: v128): v128 {
  const q = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(values, inverse), f32x4.splat(8.5)));
  return i32x4.min_s(q, i32x4.splat(15));
}

/** The first of 32 values that has a magnitude; of zeros 0, never -0. */
function firstOfMagnitude(values: usize, magnitude: f32): f32 {
  if (magnitude == 0) return 0;
  for (const end = values + (BLOCK << 2); values < end; values += 4) {
    const value = load<f32>(values);
    if (Mathf.abs(value) == magnitude) return value;
  }
  return magnitude;
}

/** The bits of the nearest f16. */
export function halfOf(value: f32): u16 {
  return <u16> i16x8.extract_lane_u(floatsToHalves(f32x4.splat(value)), 0);
}

function readQ8(word: usize, scale: v128, to: usize): void {
  for (const end = to + (BLOCK << 2); to < end; to += 16, word += STEP_BYTES) {
    const packed = v128.load32_zero(word);
    const first = i16x8.sub(v128.and(packed, lowBytes()), byteBias());
    const pairs = v128.shuffle<i32>(first, i16x8.shr_s(packed, 8), 0, 4, 0, 4);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(pairs)), scale));
  }
}

function readQ4(word: usize, scale: v128, to: usize): void {
  for (const end = to + (BLOCK << 2); to < end; to += 32, word += STEP_BYTES) {
    const packed = v128.load32_zero(word);
    const mask = lowNibbles();
    const even = v128.shuffle<i32>(v128.and(packed, mask), v128.and(i16x8.shr_u(packed, 4), mask), 0, 4, 0, 4);
    const odd = v128.shuffle<i32>(v128.and(i16x8.shr_u(packed, 8), mask), i16x8.shr_u(packed, 12), 0, 4, 0, 4);
    const pairs = i16x8.sub(v128.shuffle<i64>(even, odd, 0, 2), nibbleBias());
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(pairs)), scale));
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(pairs)), scale), 16);
  }
}
