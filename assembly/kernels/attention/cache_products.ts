import { BLOCK } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { addScaled, dot } from "../common/dot";
import { finiteHalvesToFloats, SHIFTED_BITS, shiftHalves } from "../common/half";
import { lanes } from "../common/math";
import { madd, sumLanes } from "../common/simd";

/*
 * Products with keys and values as caches hold them, for a row or two: for more it pays to convert them to f32 first.
 * An f16's bits are shifted into place, which makes it 2^-112 times what it should be; queries and weights make up for
 * that.
 */

/** What queries are multiplied by beforehand, and weights here, for f16. */
export const HALF_FACTOR: f32 = 5.192296858534828e33;

/** Features of a strip: a block of q8_0, or a cache line of f16. Values are summed strip by strip, in registers. */
const STRIP: i32 = BLOCK;

/** query · key. Of f16 the query has `HALF_FACTOR` in it. */
export function dotCached(query: usize, key: usize, dim: i32, format: i32): f32 {
  if (format == FormatId.f16) return dotHalves(query, key, dim);
  if (format == FormatId.q8_0) return dotQ8(query, key, dim);
  return dot(query, key, dim);
}

/** sums += Σ weight · value, values `stride` bytes apart. */
export function addCached(
  weights: usize,
  count: i32,
  values: usize,
  stride: usize,
  sums: usize,
  dim: i32,
  format: i32,
): void {
  if (format == FormatId.f16) return addHalves(weights, count, values, stride, sums, dim);
  if (format == FormatId.q8_0) return addQ8(weights, count, values, stride, sums, dim);
  for (const end = weights + (<usize> count << 2); weights < end; weights += 4, values += stride) {
    addScaled(load<f32>(weights), values, sums, dim);
  }
}

function dotHalves(query: usize, key: usize, dim: i32): f32 {
  const mask = lanes(SHIFTED_BITS);
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = query + (<usize> dim << 2);
  for (const strips = query + (<usize> (dim & ~15) << 2); query < strips; query += 64, key += 32) {
    s0 = madd(shiftHalves(v128.load_ext<i16>(key), mask), v128.load(query), s0);
    s1 = madd(shiftHalves(v128.load_ext<i16>(key, 8), mask), v128.load(query, 16), s1);
    s2 = madd(shiftHalves(v128.load_ext<i16>(key, 16), mask), v128.load(query, 32), s2);
    s3 = madd(shiftHalves(v128.load_ext<i16>(key, 24), mask), v128.load(query, 48), s3);
  }
  for (; query < end - 12; query += 16, key += 8) {
    s0 = madd(shiftHalves(v128.load_ext<i16>(key), mask), v128.load(query), s0);
  }
  let total = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; query < end; query += 4, key += 2) {
    total += f32x4.extract_lane(shiftHalves(i32x4.splat(load<i16>(key)), mask), 0) * load<f32>(query);
  }
  return total;
}

function addHalves(weights: usize, count: i32, values: usize, stride: usize, sums: usize, dim: i32): void {
  const mask = lanes(SHIFTED_BITS);
  const last = weights + (<usize> count << 2);
  const end = sums + (<usize> dim << 2);
  for (
    const strips = sums + (<usize> (dim & ~(STRIP - 1)) << 2);
    sums < strips;
    sums += STRIP << 2, values += STRIP << 1
  ) {
    let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48);
    let s4 = v128.load(sums, 64), s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112);
    for (let at = weights, from = values; at < last; at += 4, from += stride) {
      const weight = f32x4.splat(load<f32>(at) * HALF_FACTOR);
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
  for (; sums < end; sums += 4, values += 2) {
    let sum = load<f32>(sums);
    for (let at = weights, from = values; at < last; at += 4, from += stride) {
      sum += f32x4.extract_lane(shiftHalves(i32x4.splat(load<i16>(from)), mask), 0) * (load<f32>(at) * HALF_FACTOR);
    }
    store<f32>(sums, sum);
  }
}

/** Four values of a block, low or high of eight bytes as 16 bits. */
// @ts-ignore: decorator
@inline
function lowFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words));
}

// @ts-ignore: decorator
@inline
function highFloats(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words));
}

function dotQ8(query: usize, key: usize, dim: i32): f32 {
  let total = f32x4.splat(0);
  for (const end = query + (<usize> dim << 2); query < end; query += BLOCK << 2, key += 2 + BLOCK) {
    const a = v128.load_ext<i8>(key, 2), b = v128.load_ext<i8>(key, 10);
    const c = v128.load_ext<i8>(key, 18), d = v128.load_ext<i8>(key, 26);
    let s0 = f32x4.mul(lowFloats(a), v128.load(query)), s1 = f32x4.mul(highFloats(a), v128.load(query, 16));
    s0 = madd(lowFloats(b), v128.load(query, 32), s0), s1 = madd(highFloats(b), v128.load(query, 48), s1);
    s0 = madd(lowFloats(c), v128.load(query, 64), s0), s1 = madd(highFloats(c), v128.load(query, 80), s1);
    s0 = madd(lowFloats(d), v128.load(query, 96), s0), s1 = madd(highFloats(d), v128.load(query, 112), s1);
    total = madd(f32x4.add(s0, s1), finiteHalvesToFloats(i32x4.splat(load<i16>(key))), total);
  }
  return sumLanes(total);
}

function addQ8(weights: usize, count: i32, values: usize, stride: usize, sums: usize, dim: i32): void {
  const last = weights + (<usize> count << 2);
  for (const end = sums + (<usize> dim << 2); sums < end; sums += BLOCK << 2, values += 2 + BLOCK) {
    let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48);
    let s4 = v128.load(sums, 64), s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112);
    for (let at = weights, from = values; at < last; at += 4, from += stride) {
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
