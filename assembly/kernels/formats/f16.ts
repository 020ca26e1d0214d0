/*
 * f16 in rows, as files and caches hold them, and in weights: panels [in][32] of values, see `weights/panels.ts`. In
 * products an f16's bits are shifted into place, which makes it 2^-112 times what it should be; what it is multiplied
 * with makes up for that.
 */

import { PANEL } from "../../records/constants";
import { finiteHalvesToFloats, floatsToHalves, SHIFTED_BITS, shiftHalves } from "../common/half";
import { lanes } from "../common/math";
import { madd, sumLanes } from "../common/simd";

const TWO_TO_56 = memory.data<f32>([7.205759403792794e16]);
const TWO_TO_MINUS_56 = memory.data<f32>([1.3877787807814457e-17]);

/** Factors of the halves of a word: the low one shifted by 13, the high one gone. */
const SHIFT_LOW = memory.data<u32>([0x00002000]);
/** Bits of an f16's sign, exponent and mantissa when they are in their place in an f32. */
const HALF_BITS = memory.data<u32>([0x8fffe000]);

/** What queries are multiplied by before `dot`. */
export const QUERY_FACTOR: f32 = 5.192296858534828e33;

/** Features that `addScaled` sums in registers: a cache line. */
const STRIP: i32 = 32;

/** The bits of the nearest f16. */
export function halfOf(value: f32): u16 {
  return <u16> i16x8.extract_lane_u(floatsToHalves(f32x4.splat(value)), 0);
}

/** A row from f32. */
export function fromFloats(from: usize, to: usize, count: i32): void {
  const end = from + (<usize> count << 2);
  for (const vectors = from + (<usize> (count & ~3) << 2); from < vectors; from += 16, to += 8) {
    const halves = floatsToHalves(v128.load(from));
    v128.store_lane<i64>(to, i16x8.narrow_i32x4_u(halves, halves), 0);
  }
  for (; from < end; from += 4, to += 2) store<u16>(to, halfOf(load<f32>(from)));
}

/** A row as f32; finite values only. */
export function toFloats(from: usize, to: usize, count: i32): void {
  const end = to + (<usize> count << 2);
  for (const vectors = to + (<usize> (count & ~3) << 2); to < vectors; from += 8, to += 16) {
    v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from)));
  }
  for (; to < end; from += 2, to += 4) {
    store<f32>(to, f32x4.extract_lane(finiteHalvesToFloats(i32x4.splat(load<i16>(from))), 0));
  }
}

/** A row's values into a column of a panel, bit by bit. */
export function writeColumn(from: usize, to: usize, count: i32): void {
  const end = from + (<usize> count << 1);
  for (; from < end; from += 2, to += PANEL << 1) store<u16>(to, load<u16>(from));
}

/** A column of a panel as a row, bit by bit. */
export function readColumn(from: usize, to: usize, count: i32): void {
  const end = to + (<usize> count << 1);
  for (; to < end; to += 2, from += PANEL << 1) store<u16>(to, load<u16>(from));
}

/** Four rows' values into neighboring columns, bit by bit. */
export function writeFourColumns(a: usize, to: usize, count: i32): void {
  const stride = <usize> count << 1;
  let b = a + stride, c = b + stride, d = c + stride;
  const end = a + stride;
  for (const vectors = a + (stride & ~7); a < vectors; a += 8, b += 8, c += 8, d += 8, to += PANEL << 3) {
    const ab = v128.shuffle<i16>(v128.load64_zero(a), v128.load64_zero(b), 0, 8, 1, 9, 2, 10, 3, 11);
    const cd = v128.shuffle<i16>(v128.load64_zero(c), v128.load64_zero(d), 0, 8, 1, 9, 2, 10, 3, 11);
    const low = v128.shuffle<i32>(ab, cd, 0, 4, 1, 5), high = v128.shuffle<i32>(ab, cd, 2, 6, 3, 7);
    v128.store_lane<i64>(to, low, 0);
    v128.store_lane<i64>(to, low, 1, PANEL << 1);
    v128.store_lane<i64>(to, high, 0, PANEL << 2);
    v128.store_lane<i64>(to, high, 1, PANEL * 6);
  }
  for (; a < end; a += 2, b += 2, c += 2, d += 2, to += PANEL << 1) {
    store<u16>(to, load<u16>(a));
    store<u16>(to, load<u16>(b), 2);
    store<u16>(to, load<u16>(c), 4);
    store<u16>(to, load<u16>(d), 6);
  }
}

/**
 * Prepares sums for `addPanel`: · 2^-56, and of eight columns the even ones in front of the odd ones, as the two halves
 * of a word come apart.
 */
export function beginPanel(sums: usize): void {
  const down = lanes(TWO_TO_MINUS_56);
  for (const end = sums + (PANEL << 2); sums < end; sums += 32) {
    const low = f32x4.mul(v128.load(sums), down), high = f32x4.mul(v128.load(sums, 16), down);
    v128.store(sums, v128.shuffle<f32>(low, high, 0, 2, 4, 6));
    v128.store(sums, v128.shuffle<f32>(low, high, 1, 3, 5, 7), 16);
  }
}

/** Undoes `beginPanel`. */
export function finishPanel(sums: usize): void {
  const up = lanes(TWO_TO_56);
  for (const end = sums + (PANEL << 2); sums < end; sums += 32) {
    const even = f32x4.mul(v128.load(sums), up), odd = f32x4.mul(v128.load(sums, 16), up);
    v128.store(sums, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
    v128.store(sums, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
  }
}

/** The low halves of four words as f32 · 2^-112. The product shifts them into place and extends their sign at once. */
// @ts-ignore: decorator
@inline
function lowHalves(words: v128, shift: v128, mask: v128): v128 {
  return v128.and(i32x4.dot_i16x8_s(words, shift), mask);
}

/** The high halves. */
// @ts-ignore: decorator
@inline
function highHalves(words: v128, mask: v128): v128 {
  return v128.and(i32x4.shr_s(words, 3), mask);
}

/**
 * sums [32], as `beginPanel` has left them, += x · panel, `depth` features deep. x · 2^56 and sums · 2^56 make up for
 * 2^-112 at no cost per weight. Loads that extend the halves, of 8 bytes, reach 0.9 times the speed
 * (bench/products/linear_shapes.md).
 */
export function addPanel(panel: usize, x: usize, depth: i32, sums: usize): void {
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  let e = v128.load(sums, 64), f = v128.load(sums, 80), g = v128.load(sums, 96), h = v128.load(sums, 112);
  const up = lanes(TWO_TO_56), shift = lanes(SHIFT_LOW), mask = lanes(HALF_BITS);
  for (const end = x + (<usize> depth << 2); x < end; x += 4, panel += 64) {
    const value = f32x4.mul(v128.load32_splat(x), up);
    const p = v128.load(panel), q = v128.load(panel, 16), r = v128.load(panel, 32), s = v128.load(panel, 48);
    a = madd(lowHalves(p, shift, mask), value, a);
    b = madd(highHalves(p, mask), value, b);
    c = madd(lowHalves(q, shift, mask), value, c);
    d = madd(highHalves(q, mask), value, d);
    e = madd(lowHalves(r, shift, mask), value, e);
    f = madd(highHalves(r, mask), value, f);
    g = madd(lowHalves(s, shift, mask), value, g);
    h = madd(highHalves(s, mask), value, h);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
  v128.store(sums, e, 64);
  v128.store(sums, f, 80);
  v128.store(sums, g, 96);
  v128.store(sums, h, 112);
}

/** A panel [depth][32] as four tiles [depth][8] of f32. */
export function packPanel(from: usize, depth: i32, a: usize, b: usize, c: usize, d: usize): void {
  for (const end = from + (<usize> depth * PANEL << 1); from < end; from += 64, a += 32, b += 32, c += 32, d += 32) {
    widenEight(from, a);
    widenEight(from + 16, b);
    widenEight(from + 32, c);
    widenEight(from + 48, d);
  }
}

/** A panel [depth][32] in f32. */
export function widenPanel(from: usize, depth: i32, to: usize): void {
  for (const end = from + (<usize> depth * PANEL << 1); from < end; from += 16, to += 32) widenEight(from, to);
}

// @ts-ignore: decorator
@inline
function widenEight(from: usize, to: usize): void {
  v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from)));
  v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from, 8)), 16);
}

/** query · row; the query has `QUERY_FACTOR` in it. */
export function dot(query: usize, row: usize, count: i32): f32 {
  const mask = lanes(SHIFTED_BITS);
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = query + (<usize> count << 2);
  for (const strips = query + (<usize> (count & ~15) << 2); query < strips; query += 64, row += 32) {
    s0 = madd(shiftHalves(v128.load_ext<i16>(row), mask), v128.load(query), s0);
    s1 = madd(shiftHalves(v128.load_ext<i16>(row, 8), mask), v128.load(query, 16), s1);
    s2 = madd(shiftHalves(v128.load_ext<i16>(row, 16), mask), v128.load(query, 32), s2);
    s3 = madd(shiftHalves(v128.load_ext<i16>(row, 24), mask), v128.load(query, 48), s3);
  }
  for (; query < end - 12; query += 16, row += 8) {
    s0 = madd(shiftHalves(v128.load_ext<i16>(row), mask), v128.load(query), s0);
  }
  let total = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; query < end; query += 4, row += 2) {
    total += f32x4.extract_lane(shiftHalves(i32x4.splat(load<i16>(row)), mask), 0) * load<f32>(query);
  }
  return total;
}

/** sums += Σ weight · row, rows `stride` bytes apart, summed strip by strip in registers. */
export function addScaled(weights: usize, rows: i32, row: usize, stride: usize, sums: usize, count: i32): void {
  const mask = lanes(SHIFTED_BITS);
  const last = weights + (<usize> rows << 2);
  const end = sums + (<usize> count << 2);
  const strips = sums + (<usize> (count & ~(STRIP - 1)) << 2);
  for (; sums < strips; sums += STRIP << 2, row += STRIP << 1) {
    let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48);
    let s4 = v128.load(sums, 64), s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112);
    for (let at = weights, from = row; at < last; at += 4, from += stride) {
      const weight = f32x4.splat(load<f32>(at) * QUERY_FACTOR);
      s0 = madd(shiftHalves(v128.load_ext<i16>(from), mask), weight, s0);
      s1 = madd(shiftHalves(v128.load_ext<i16>(from, 8), mask), weight, s1);
      s2 = madd(shiftHalves(v128.load_ext<i16>(from, 16), mask), weight, s2);
      s3 = madd(shiftHalves(v128.load_ext<i16>(from, 24), mask), weight, s3);
      s4 = madd(shiftHalves(v128.load_ext<i16>(from, 32), mask), weight, s4);
      s5 = madd(shiftHalves(v128.load_ext<i16>(from, 40), mask), weight, s5);
      s6 = madd(shiftHalves(v128.load_ext<i16>(from, 48), mask), weight, s6);
      s7 = madd(shiftHalves(v128.load_ext<i16>(from, 56), mask), weight, s7);
    }
    v128.store(sums, s0), v128.store(sums, s1, 16), v128.store(sums, s2, 32), v128.store(sums, s3, 48);
    v128.store(sums, s4, 64), v128.store(sums, s5, 80), v128.store(sums, s6, 96), v128.store(sums, s7, 112);
  }
  for (; sums < end; sums += 4, row += 2) {
    let sum = load<f32>(sums);
    for (let at = weights, from = row; at < last; at += 4, from += stride) {
      sum += f32x4.extract_lane(shiftHalves(i32x4.splat(load<i16>(from)), mask), 0) * (load<f32>(at) * QUERY_FACTOR);
    }
    store<f32>(sums, sum);
  }
}
