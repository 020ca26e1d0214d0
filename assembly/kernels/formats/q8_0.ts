import { BLOCK } from "../../records/constants";
import { finiteHalvesToFloats, halvesToFloats } from "../common/half";
import { lanes } from "../common/math";
import { madd, sumLanes } from "../common/simd";
import {
  addBlock,
  COLUMN_TILE_BYTES,
  highFloats,
  INPUT_BLOCK,
  largestMagnitude,
  lowFloats,
  SCALE_BYTES,
  STEP_BYTES,
} from "./blocks";
import { halfOf } from "./f16";

/*
 * q8_0: an f16 scale d and 32 signed bytes q, value = d · q. In a panel a word holds four features, of whose pairs the
 * first lies in the halves' low bytes, 128 added so that a mask unpacks them, the second in the high ones, signed.
 */

/** Bytes of a block. */
export const BYTES: usize = 2 + BLOCK;
/** Words of each output feature in a block of a panel. */
export const WORDS: usize = 8;

const LOW_BYTES = memory.data<i32>([0x00ff00ff]);
const BIAS = memory.data<i32>([0x00800080]);

/**
 * Blocks from whole ones of f32. d = max |x| / 127, q = x / d rounded to the nearest, halves away from zero:
 * `quantize_row_q8_0_ref` of GGML's ggml-quants.c, to the bit.
 */
export function fromFloats(from: usize, to: usize, count: i32): void {
  for (const last = from + (<usize> count << 2); from < last; to += BYTES) {
    const d: f32 = largestMagnitude(from) / 127;
    store<u16>(to, halfOf(d));
    const inverse = f32x4.splat(d != 0 ? 1 / d : 0);
    let quants = to + 2;
    for (const end = from + (BLOCK << 2); from < end; from += 16, quants += 4) {
      const words = rounded(f32x4.mul(v128.load(from), inverse));
      const bytes = v128.shuffle<i8>(words, words, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      store<u32>(quants, i32x4.extract_lane(bytes, 0));
    }
  }
}

/** The nearest whole numbers, halves away from zero. */
// @ts-ignore: decorator
@inline
function rounded(x: v128): v128 {
  const whole = f32x4.trunc(x);
  const isHalf = f32x4.ge(f32x4.abs(f32x4.sub(x, whole)), f32x4.splat(0.5));
  const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), f32x4.splat(1));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(whole, v128.and(isHalf, one)));
}

/** Blocks as f32. */
export function toFloats(from: usize, to: usize, count: i32): void {
  for (const last = to + (<usize> count << 2); to < last; from += BYTES) {
    const scale = halvesToFloats(i32x4.splat(load<u16>(from)));
    let quants = from + 2;
    for (const end = to + (BLOCK << 2); to < end; to += 32, quants += 8) {
      const words = v128.load_ext<i8>(quants);
      v128.store(to, f32x4.mul(lowFloats(words), scale));
      v128.store(to, f32x4.mul(highFloats(words), scale), 16);
    }
  }
}

/** A block's quants into a panel, from the word of its first features on. */
export function toPanel(block: usize, word: usize): void {
  toWords(v128.load(block, 2), word);
  toWords(v128.load(block, 18), word + 4 * STEP_BYTES);
}

// @ts-ignore: decorator
@inline
function toWords(quants: v128, word: usize): void {
  const pairs = v128.shuffle<i8>(quants, quants, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  const words = v128.xor(pairs, lanes(BIAS));
  store<u32>(word, i32x4.extract_lane(words, 0));
  store<u32>(word, i32x4.extract_lane(words, 1), STEP_BYTES);
  store<u32>(word, i32x4.extract_lane(words, 2), 2 * STEP_BYTES);
  store<u32>(word, i32x4.extract_lane(words, 3), 3 * STEP_BYTES);
}

/** A block's quants from a panel. */
export function fromPanel(word: usize, block: usize): void {
  v128.store(block, fromWords(word), 2);
  v128.store(block, fromWords(word + 4 * STEP_BYTES), 18);
}

// @ts-ignore: decorator
@inline
function fromWords(word: usize): v128 {
  const words = i32x4(
    load<i32>(word),
    load<i32>(word, STEP_BYTES),
    load<i32>(word, 2 * STEP_BYTES),
    load<i32>(word, 3 * STEP_BYTES),
  );
  const pairs = v128.xor(words, lanes(BIAS));
  return v128.shuffle<i8>(pairs, pairs, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
}

/** What inputs are multiplied by for the sum that the bias has added, negated: those of pair 0 of every two. */
// @ts-ignore: decorator
@inline
export function biasFactors(): v128 {
  return i16x8(-128, -128, 0, 0, -128, -128, 0, 0);
}

/** A word of four output features. */
// @ts-ignore: decorator
@inline
function addWord(packed: v128, mask: v128, first: v128, second: v128, sum: v128): v128 {
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(packed, mask), first));
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_s(packed, 8), second));
}

/**
 * sums [16] += blocks of a panel · quantized inputs. A step is two words of each column: one word reaches 0.9 times the
 * speed, eight no more than one (bench/products/quantized_shapes.md).
 */
export function addPanel(weight: usize, x: usize, scales: usize, blocks: i32, sums: usize): void {
  const mask = lanes(LOW_BYTES);
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  for (const end = scales + (<usize> blocks << 3); scales < end; scales += 8, weight += SCALE_BYTES) {
    const correction = v128.load32_splat(scales, 4);
    let e = correction, f = correction, g = correction, h = correction;
    for (const next = x + INPUT_BLOCK; x < next; x += 16, weight += 2 * STEP_BYTES) {
      const first = v128.load32_splat(x), second = v128.load32_splat(x, 4);
      e = addWord(v128.load(weight), mask, first, second, e);
      f = addWord(v128.load(weight, 16), mask, first, second, f);
      g = addWord(v128.load(weight, 32), mask, first, second, g);
      h = addWord(v128.load(weight, 48), mask, first, second, h);
      const third = v128.load32_splat(x, 8), fourth = v128.load32_splat(x, 12);
      e = addWord(v128.load(weight, 64), mask, third, fourth, e);
      f = addWord(v128.load(weight, 80), mask, third, fourth, f);
      g = addWord(v128.load(weight, 96), mask, third, fourth, g);
      h = addWord(v128.load(weight, 112), mask, third, fourth, h);
    }
    const scale = v128.load32_splat(scales);
    a = addBlock(e, weight, scale, a);
    b = addBlock(f, weight + 8, scale, b);
    c = addBlock(g, weight + 16, scale, c);
    d = addBlock(h, weight + 24, scale, d);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

/**
 * `addPanel` of two rows, whose inputs and scales follow each other by `xStride` and `scaleStride` bytes, their sums by
 * `stride`: the weights are unpacked once for both.
 */
export function addPanelOfTwo(
  weight: usize,
  x: usize,
  xStride: usize,
  scales: usize,
  scaleStride: usize,
  blocks: i32,
  sums: usize,
  stride: usize,
): void {
  const mask = lanes(LOW_BYTES), others = sums + stride;
  for (const end = scales + (<usize> blocks << 3); scales < end; scales += 8, weight += SCALE_BYTES) {
    const first = v128.load32_splat(scales, 4), second = v128.load32_splat(scales + scaleStride, 4);
    let a = first, b = first, c = first, d = first, e = second, f = second, g = second, h = second;
    for (const next = x + INPUT_BLOCK; x < next; x += 8, weight += STEP_BYTES) {
      const y = x + xStride;
      const x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, 4);
      const y0 = v128.load32_splat(y), y1 = v128.load32_splat(y, 4);
      let packed = v128.load(weight);
      a = addWord(packed, mask, x0, x1, a);
      e = addWord(packed, mask, y0, y1, e);
      packed = v128.load(weight, 16);
      b = addWord(packed, mask, x0, x1, b);
      f = addWord(packed, mask, y0, y1, f);
      packed = v128.load(weight, 32);
      c = addWord(packed, mask, x0, x1, c);
      g = addWord(packed, mask, y0, y1, g);
      packed = v128.load(weight, 48);
      d = addWord(packed, mask, x0, x1, d);
      h = addWord(packed, mask, y0, y1, h);
    }
    addBlockOfFour(a, b, c, d, weight, v128.load32_splat(scales), sums);
    addBlockOfFour(e, f, g, h, weight, v128.load32_splat(scales + scaleStride), others);
  }
}

/** sums [16] += a block's dots. */
// @ts-ignore: decorator
@inline
function addBlockOfFour(a: v128, b: v128, c: v128, d: v128, halves: usize, scale: v128, sums: usize): void {
  v128.store(sums, addBlock(a, halves, scale, v128.load(sums)));
  v128.store(sums, addBlock(b, halves + 8, scale, v128.load(sums, 16)), 16);
  v128.store(sums, addBlock(c, halves + 16, scale, v128.load(sums, 32)), 32);
  v128.store(sums, addBlock(d, halves + 24, scale, v128.load(sums, 48)), 48);
}

/** A block of a panel as pairs of 16-bit integers [depth / 2][8][2]: columns 0 to 7 to `first`, 8 to 15 to `second`. */
export function unpackBlock(weight: usize, first: usize, second: usize): void {
  const mask = lanes(LOW_BYTES), bias = lanes(BIAS);
  for (const end = first + COLUMN_TILE_BYTES; first < end; first += 64, second += 64, weight += STEP_BYTES) {
    unpackWord(v128.load(weight), mask, bias, first);
    unpackWord(v128.load(weight, 16), mask, bias, first + 16);
    unpackWord(v128.load(weight, 32), mask, bias, second);
    unpackWord(v128.load(weight, 48), mask, bias, second + 16);
  }
}

/** Two pairs of four columns. */
// @ts-ignore: decorator
@inline
function unpackWord(packed: v128, mask: v128, bias: v128, to: usize): void {
  v128.store(to, i16x8.sub(v128.and(packed, mask), bias));
  v128.store(to, i16x8.shr_s(packed, 8), 32);
}

/** query · row. */
export function dot(query: usize, row: usize, count: i32): f32 {
  let total = f32x4.splat(0);
  for (const end = query + (<usize> count << 2); query < end; query += BLOCK << 2, row += BYTES) {
    const a = v128.load_ext<i8>(row, 2), b = v128.load_ext<i8>(row, 10);
    const c = v128.load_ext<i8>(row, 18), d = v128.load_ext<i8>(row, 26);
    let s0 = f32x4.mul(lowFloats(a), v128.load(query)), s1 = f32x4.mul(highFloats(a), v128.load(query, 16));
    s0 = madd(lowFloats(b), v128.load(query, 32), s0), s1 = madd(highFloats(b), v128.load(query, 48), s1);
    s0 = madd(lowFloats(c), v128.load(query, 64), s0), s1 = madd(highFloats(c), v128.load(query, 80), s1);
    s0 = madd(lowFloats(d), v128.load(query, 96), s0), s1 = madd(highFloats(d), v128.load(query, 112), s1);
    total = madd(f32x4.add(s0, s1), finiteHalvesToFloats(i32x4.splat(load<i16>(row))), total);
  }
  return sumLanes(total);
}

/** sums += Σ weight · row, rows `stride` bytes apart, summed block by block in registers. */
export function addScaled(weights: usize, rows: i32, row: usize, stride: usize, sums: usize, count: i32): void {
  const last = weights + (<usize> rows << 2);
  for (const end = sums + (<usize> count << 2); sums < end; sums += BLOCK << 2, row += BYTES) {
    let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48);
    let s4 = v128.load(sums, 64), s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112);
    for (let at = weights, from = row; at < last; at += 4, from += stride) {
      const scale = finiteHalvesToFloats(i32x4.splat(load<i16>(from)));
      const weight = f32x4.mul(v128.load32_splat(at), scale);
      const a = v128.load_ext<i8>(from, 2), b = v128.load_ext<i8>(from, 10);
      const c = v128.load_ext<i8>(from, 18), d = v128.load_ext<i8>(from, 26);
      s0 = madd(lowFloats(a), weight, s0), s1 = madd(highFloats(a), weight, s1);
      s2 = madd(lowFloats(b), weight, s2), s3 = madd(highFloats(b), weight, s3);
      s4 = madd(lowFloats(c), weight, s4), s5 = madd(highFloats(c), weight, s5);
      s6 = madd(lowFloats(d), weight, s6), s7 = madd(highFloats(d), weight, s7);
    }
    v128.store(sums, s0), v128.store(sums, s1, 16), v128.store(sums, s2, 32), v128.store(sums, s3, 48);
    v128.store(sums, s4, 64), v128.store(sums, s5, 80), v128.store(sums, s6, 96), v128.store(sums, s7, 112);
  }
}
