import { BLOCK } from "../../records/constants";
import { halvesToFloats } from "../common/half";
import { lanes } from "../common/math";
import {
  addBlock,
  COLUMN_TILE_BYTES,
  firstLargest,
  highFloats,
  INPUT_BLOCK,
  lowFloats,
  SCALE_BYTES,
  STEP_BYTES,
} from "./blocks";
import { halfOf } from "./f16";

/*
 * q4_0: an f16 scale d and 16 bytes, the low nibbles q of the first 16 values and the high ones of the others, value =
 * d · (q - 8). In a panel a word holds eight features: their pairs 0 to 3 lie in the halves' nibbles from low to high.
 */

/** Bytes of a block. */
export const BYTES: usize = 2 + BLOCK / 2;
/** Words of each output feature in a block of a panel. */
export const WORDS: usize = 4;

const LOW_NIBBLES = memory.data<i32>([0x000f000f]);
const BIAS = memory.data<i32>([0x00080008]);

/**
 * Blocks from whole ones of f32. d = the value of the largest magnitude / -8, q = x / d + 8 rounded to the nearest,
 * halves upwards, at most 15: `quantize_row_q4_0_ref` of GGML's ggml-quants.c, to the bit.
 */
export function fromFloats(from: usize, to: usize, count: i32): void {
  for (const last = from + (<usize> count << 2); from < last; from += BLOCK << 2, to += BYTES) {
    const d: f32 = firstLargest(from) / -8;
    store<u16>(to, halfOf(d));
    const inverse = f32x4.splat(d != 0 ? 1 / d : 0);
    for (let i: usize = 0; i < 16; i += 4) {
      const values = from + (i << 2);
      const words = v128.or(nibbles(v128.load(values), inverse), i32x4.shl(nibbles(v128.load(values, 64), inverse), 4));
      const bytes = v128.shuffle<i8>(words, words, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      store<u32>(to + i, i32x4.extract_lane(bytes, 0), 2);
    }
  }
}

// @ts-ignore: decorator
@inline
function nibbles(values: v128, inverse: v128): v128 {
  const q = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(values, inverse), f32x4.splat(8.5)));
  return i32x4.min_s(q, i32x4.splat(15));
}

/** Blocks as f32. */
export function toFloats(from: usize, to: usize, count: i32): void {
  for (const last = to + (<usize> count << 2); to < last; from += BYTES, to += BLOCK << 2) {
    const scale = halvesToFloats(i32x4.splat(load<u16>(from)));
    const quants = v128.load(from, 2);
    const low = i8x16.sub(v128.and(quants, i8x16.splat(15)), i8x16.splat(8));
    const high = i8x16.sub(i8x16.shr_u(quants, 4), i8x16.splat(8));
    storeSixteen(low, scale, to);
    storeSixteen(high, scale, to + 64);
  }
}

// @ts-ignore: decorator
@inline
function storeSixteen(quants: v128, scale: v128, to: usize): void {
  const first = i16x8.extend_low_i8x16_s(quants), second = i16x8.extend_high_i8x16_s(quants);
  v128.store(to, f32x4.mul(lowFloats(first), scale));
  v128.store(to, f32x4.mul(highFloats(first), scale), 16);
  v128.store(to, f32x4.mul(lowFloats(second), scale), 32);
  v128.store(to, f32x4.mul(highFloats(second), scale), 48);
}

/** A block's quants into a panel, from the word of its first features on. */
export function toPanel(block: usize, word: usize): void {
  const quants = v128.load(block, 2);
  toWords(v128.and(quants, i8x16.splat(15)), word);
  toWords(i8x16.shr_u(quants, 4), word + 2 * STEP_BYTES);
}

/** Two words from a byte for each of 16 features: 0, 4, 1, 5 in a word's low nibbles, 2, 6, 3, 7 in its high ones. */
// @ts-ignore: decorator
@inline
function toWords(q: v128, word: usize): void {
  const low = v128.shuffle<i8>(q, q, 0, 4, 1, 5, 8, 12, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  const high = v128.shuffle<i8>(q, q, 2, 6, 3, 7, 10, 14, 11, 15, 0, 0, 0, 0, 0, 0, 0, 0);
  const words = v128.or(low, i8x16.shl(high, 4));
  store<u32>(word, i32x4.extract_lane(words, 0));
  store<u32>(word, i32x4.extract_lane(words, 1), STEP_BYTES);
}

/** A block's quants from a panel. */
export function fromPanel(word: usize, block: usize): void {
  v128.store(block, v128.or(fromWords(word), i8x16.shl(fromWords(word + 2 * STEP_BYTES), 4)), 2);
}

// @ts-ignore: decorator
@inline
function fromWords(word: usize): v128 {
  const words = i32x4(load<i32>(word), load<i32>(word, STEP_BYTES), 0, 0);
  const low = v128.and(words, i8x16.splat(15)), high = i8x16.shr_u(words, 4);
  return v128.shuffle<i8>(low, high, 0, 2, 16, 18, 1, 3, 17, 19, 4, 6, 20, 22, 5, 7, 21, 23);
}

/** What inputs are multiplied by for the sum that the bias has added, negated. */
// @ts-ignore: decorator
@inline
export function biasFactors(): v128 {
  return i16x8.splat(-8);
}

/** sums [16] += blocks of a panel · quantized inputs. */
export function addPanel(weight: usize, x: usize, scales: usize, blocks: i32, sums: usize): void {
  const mask = lanes(LOW_NIBBLES);
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  for (const end = scales + (<usize> blocks << 3); scales < end; scales += 8, weight += SCALE_BYTES) {
    const correction = v128.load32_splat(scales, 4);
    let e = correction, f = correction, g = correction, h = correction;
    for (const next = x + INPUT_BLOCK; x < next; x += 16, weight += STEP_BYTES) {
      const first = v128.load32_splat(x), second = v128.load32_splat(x, 4);
      const third = v128.load32_splat(x, 8), fourth = v128.load32_splat(x, 12);
      e = addWord(v128.load(weight), mask, first, second, third, fourth, e);
      f = addWord(v128.load(weight, 16), mask, first, second, third, fourth, f);
      g = addWord(v128.load(weight, 32), mask, first, second, third, fourth, g);
      h = addWord(v128.load(weight, 48), mask, first, second, third, fourth, h);
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

/** A word of four output features. */
// @ts-ignore: decorator
@inline
function addWord(packed: v128, mask: v128, first: v128, second: v128, third: v128, fourth: v128, sum: v128): v128 {
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(packed, mask), first));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(packed, 4), mask), second));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(packed, 8), mask), third));
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(packed, 12), fourth));
}

/** A block of a panel as pairs of 16-bit integers [depth / 2][8][2]: columns 0 to 7 to `first`, 8 to 15 to `second`. */
export function unpackBlock(weight: usize, first: usize, second: usize): void {
  const mask = lanes(LOW_NIBBLES), bias = lanes(BIAS);
  for (const end = first + COLUMN_TILE_BYTES; first < end; first += 128, second += 128, weight += STEP_BYTES) {
    unpackWord(v128.load(weight), mask, bias, first);
    unpackWord(v128.load(weight, 16), mask, bias, first + 16);
    unpackWord(v128.load(weight, 32), mask, bias, second);
    unpackWord(v128.load(weight, 48), mask, bias, second + 16);
  }
}

/** Four pairs of four columns. */
// @ts-ignore: decorator
@inline
function unpackWord(packed: v128, mask: v128, bias: v128, to: usize): void {
  v128.store(to, i16x8.sub(v128.and(packed, mask), bias));
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(packed, 4), mask), bias), 32);
  v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(packed, 8), mask), bias), 64);
  v128.store(to, i16x8.sub(i16x8.shr_u(packed, 12), bias), 96);
}
