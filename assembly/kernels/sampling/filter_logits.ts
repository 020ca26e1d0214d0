import { Address } from "../common/fields";
import { exp, expWeight, log } from "../common/math";
import { shareStart } from "../common/split";
import { LOWEST, maxRow, sumExp } from "../softmax/softmax";
import { canDraw } from "./scaled_logits";

// @ts-ignore: decorator
@unmanaged
export class FilterLogitsArguments {
  /** [rows, width]. */
  logits: Address;
  out: Address;
  rows: i32;
  width: i32;
  /** Logits to keep; 0: all. */
  topK: i32;
  /** 1: all. */
  topP: f32;
  /** 0: all. */
  minP: f32;
  topAPower: f32;
  /** 0: all. */
  topARatio: f32;
}

/**
 * Sets logits that filters remove to LOWEST: topK, topP (arXiv 1904.09751), minP (arXiv 2407.01082), topA, each applied
 * to the result of the one before.
 *
 * A row that holds a NaN is not filtered. If a logit is infinity, all finite ones count as hidden.
 *
 * topK and topP look for a threshold by radix selection instead of sorting: three passes over the logits' bits.
 */
export function filterLogits(a: FilterLogitsArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    memory.copy(a.out + row * stride, a.logits + row * stride, stride);
    filterRow(a, a.out + row * stride, scratch);
  }
}

/** Filters one row in place. */
function filterRow(a: FilterLogitsArguments, logits: usize, scratch: usize): void {
  const width = a.width;
  let largest = maxRow(logits, width);
  if (!canDraw(largest)) return;
  if (a.topK > 0 && a.topK < width) keepLargest(logits, width, a.topK, largest, false, scratch);
  if (!(a.topP < 1 || a.minP > 0 || a.topARatio > 0)) return;
  const isInfinite = largest === Infinity;
  if (isInfinite) {
    replace(logits, width, Infinity, 0);
    largest = 0;
  }
  if (a.topP < 1) keepLargest(logits, width, a.topP, largest, true, scratch);
  if (a.minP > 0) keepAbove(logits, width, largest, a.minP);
  if (a.topARatio > 0) {
    // p ≥ max(p)^power · ratio, where e = e^(logit - largest), p = e/Z and max(p) = 1/Z
    const total = f32x4.splat(sumExp(logits, width, largest));
    const scale = f32x4.extract_lane(exp(f32x4.mul(log(total), f32x4.splat(1 - a.topAPower))), 0);
    keepAbove(logits, width, largest, min<f32>(a.topARatio * scale, 1));
  }
  if (isInfinite) replace(logits, width, 0, Infinity);
}

/** Replaces logits that equal `from` by `to`, and hides all others. */
function replace(logits: usize, count: i32, from: f32, to: f32): void {
  for (const end = logits + (<usize> count << 2); logits < end; logits += 4) {
    store<f32>(logits, load<f32>(logits) === from ? to : LOWEST);
  }
}

/** Hides logits with e^(logit - largest) < limit. */
function keepAbove(logits: usize, count: i32, largest: f32, limit: f32): void {
  const shift = f32x4.splat(largest);
  const limits = f32x4.splat(limit);
  const hidden = f32x4.splat(LOWEST);
  const end = logits + (<usize> count << 2);
  for (const vectors = logits + (<usize> (count & ~3) << 2); logits < vectors; logits += 16) {
    const values = v128.load(logits);
    v128.store(logits, v128.bitselect(values, hidden, f32x4.ge(exp(f32x4.sub(values, shift)), limits)));
  }
  for (; logits < end; logits += 4) {
    const weight = f32x4.extract_lane(exp(f32x4.splat(load<f32>(logits) - largest)), 0);
    if (weight < limit) store<f32>(logits, LOWEST);
  }
}

/** An unsigned integer that orders as the float does, -0 as 0. */
// @ts-ignore: decorator
@inline
function keysOf(values: v128): v128 {
  const bits = f32x4.add(values, f32x4.splat(0));
  return v128.xor(bits, v128.or(i32x4.shr_s(bits, 31), i32x4.splat(0x80000000)));
}

/** The float of a key. */
function valueOf(key: u32): f32 {
  return reinterpret<f32>(key & 0x80000000 ? key ^ 0x80000000 : ~key);
}

/** Bins of a digit: keys have digits of 11, 11 and 10 bits. */
const BINS = 2048;

/**
 * Keeps the largest logits until their weights add up to `goal`, which is a number of logits, or a share of the sum of
 * e^(logit - largest). Among equals lower ids are kept.
 */
function keepLargest(logits: usize, count: i32, goal: f64, largest: f32, isMass: bool, bins: usize): void {
  let prefix: u32 = 0;
  let above: f64 = 0; // weight of the logits above the threshold
  for (let shift = 21; shift >= 0; shift -= shift === 21 ? 11 : 10) {
    fillBins(logits, count, shift, prefix, largest, isMass, bins);
    if (isMass && shift === 21) goal *= totalOf(bins);
    let digit = BINS - 1;
    let threshold = digit;
    let sum = above;
    for (; digit >= 0; digit--) {
      const weight = load<f64>(bins + (<usize> digit << 3));
      if (weight === 0) continue;
      threshold = digit;
      above = sum;
      sum += weight;
      if (sum >= goal) break;
    }
    prefix = prefix << (shift === 0 ? 10 : 11) | threshold;
  }
  const each = isMass ? f32x4.extract_lane(expWeight(f32x4.splat(valueOf(prefix) - largest)), 0) : 1;
  keepAboveKey(logits, count, prefix, <i32> ceil<f64>((goal - above) / each));
}

/** Adds up the weights of logits by the digit of their keys at `shift`; only of keys that begin with `prefix`. */
function fillBins(logits: usize, count: i32, shift: i32, prefix: u32, largest: f32, isMass: bool, bins: usize): void {
  memory.fill(bins, 0, BINS << 3);
  const mask = i32x4.splat(shift === 0 ? 1023 : 2047);
  const prefixes = i32x4.splat(prefix);
  let places = i32x4(0, 1, 2, 3);
  let weights = f32x4.splat(1);
  // Tensors end on 64-byte boundaries, so the last vector may be read whole.
  for (let i = 0; i < count; i += 4, logits += 16) {
    const values = v128.load(logits);
    const keys = keysOf(values);
    let counts = i32x4.lt_s(places, i32x4.splat(count));
    if (shift < 21) counts = v128.and(counts, i32x4.eq(i32x4.shr_u(keys, shift === 0 ? 10 : 21), prefixes));
    places = i32x4.add(places, i32x4.splat(4));
    if (isMass) counts = v128.and(counts, f32x4.gt(values, f32x4.splat(LOWEST)));
    if (!v128.any_true(counts)) continue;
    if (isMass) weights = expWeight(f32x4.sub(values, f32x4.splat(largest)));
    const counted = v128.and(weights, counts);
    const digits = v128.and(i32x4.shr_u(keys, shift), mask);
    addTo(bins, i32x4.extract_lane(digits, 0), f32x4.extract_lane(counted, 0));
    addTo(bins, i32x4.extract_lane(digits, 1), f32x4.extract_lane(counted, 1));
    addTo(bins, i32x4.extract_lane(digits, 2), f32x4.extract_lane(counted, 2));
    addTo(bins, i32x4.extract_lane(digits, 3), f32x4.extract_lane(counted, 3));
  }
}

// @ts-ignore: decorator
@inline
function addTo(bins: usize, digit: i32, weight: f32): void {
  const bin = bins + (<usize> digit << 3);
  store<f64>(bin, load<f64>(bin) + <f64> weight);
}

function totalOf(bins: usize): f64 {
  let total: f64 = 0;
  for (let bin = bins + (<usize> BINS << 3); bin > bins; bin -= 8) total += load<f64>(bin - 8);
  return total;
}

/** Hides logits below a key, and those equal to it after the first `equals`. */
function keepAboveKey(logits: usize, count: i32, key: u32, equals: i32): void {
  const hidden = f32x4.splat(LOWEST);
  const keys = i32x4.splat(key);
  const end = logits + (<usize> count << 2);
  for (; logits + 16 <= end; logits += 16) {
    const values = v128.load(logits);
    const own = keysOf(values);
    if (v128.any_true(i32x4.eq(own, keys))) {
      for (let at = logits; at < logits + 16; at += 4) equals = keepOne(at, key, equals);
    } else v128.store(logits, v128.bitselect(values, hidden, i32x4.gt_u(own, keys)));
  }
  for (; logits < end; logits += 4) equals = keepOne(logits, key, equals);
}

/** Hides one logit or not, and gives how many equals may still be kept. */
function keepOne(logit: usize, key: u32, equals: i32): i32 {
  const own = <u32> i32x4.extract_lane(keysOf(v128.load32_splat(logit)), 0);
  if (own > key) return equals;
  if (own === key && equals > 0) return equals - 1;
  store<f32>(logit, LOWEST);
  return equals;
}
