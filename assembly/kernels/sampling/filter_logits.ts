import { exp, expWeight, log } from "../common/math";
import { shareStart } from "../common/split";
import { LOWEST, maxRow, sumExp } from "../softmax/softmax";
import { canDraw } from "./scaled_logits";

/**
 * Sets logits that filters remove to LOWEST: topK, topP (arXiv 1904.09751), minP (arXiv 2407.01082), topA, each on what the last one
 * left. Arguments: logits, out, rows, width, topK (0: all), topP (f32; 1: all), minP (f32), topA's power (f32) and ratio (f32; 0: all).
 *
 * A row that holds a NaN stays as it is. Beside a logit of infinity all finite ones count as hidden.
 *
 * topK and topP look for a threshold by radix selection instead of sorting: three passes over the logits' bits.
 */
export function filterLogits(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const logits: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const rows = load<i32>(args, 8);
  const width = load<i32>(args, 12);
  const topK = load<i32>(args, 16);
  const topP = load<f32>(args, 20);
  const minP = load<f32>(args, 24);
  const power = load<f32>(args, 28);
  const ratio = load<f32>(args, 32);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const values = out + row * stride;
    memory.copy(values, logits + row * stride, stride);
    let largest = maxRow(values, width);
    if (!canDraw(largest)) continue;
    if (topK > 0 && topK < width) keepLargest(values, width, topK, largest, false, scratch);
    if (!(topP < 1 || minP > 0 || ratio > 0)) continue;
    const isInfinite = largest === Infinity;
    if (isInfinite) {
      replace(values, width, Infinity, 0);
      largest = 0;
    }
    if (topP < 1) keepLargest(values, width, topP, largest, true, scratch);
    if (minP > 0) keepAbove(values, width, largest, minP);
    if (ratio > 0) {
      // p ≥ max(p)^power · ratio, where e = e^(logit - largest), p = e/Z and max(p) = 1/Z
      const total = f32x4.splat(sumExp(values, width, largest));
      const scale = f32x4.extract_lane(exp(f32x4.mul(log(total), f32x4.splat(1 - power))), 0);
      keepAbove(values, width, largest, min<f32>(ratio * scale, 1));
    }
    if (isInfinite) replace(values, width, 0, Infinity);
  }
}

/** Puts one logit in place of another, and hides all others. */
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

/** Keys are taken apart into digits of 11, 11 and 10 bits. */
const BINS = 2048;

/**
 * Keeps the largest logits until their weights add up to `goal`: as many logits, or a share of the sum of e^(logit - largest).
 * Among equals lower ids are kept.
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
