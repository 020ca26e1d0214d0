import { Tensor } from "../common/fields";
import { exp, log } from "../common/math";
import { maxLanes, sumLanes } from "../common/simd";
import { shareStart } from "../common/split";

/** The lowest float: it hides an entry. */
export const LOWEST: f32 = -3.4028234663852886e38;

/** Vectors summed in f32 before their sum is added to the f64 total, so that long rows lose no precision. */
const SUM_BLOCK = 256;

// @ts-ignore: decorator
@unmanaged
export class SoftmaxArguments {
  x: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
}

/** Softmax of rows. */
export function softmax(a: SoftmaxArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    softmaxRow(a.x + row * stride, a.out + row * stride, a.width);
  }
}

function softmaxRow(x: usize, out: usize, width: i32): void {
  const largest = maxRow(x, width);
  if (largest <= LOWEST) {
    memory.fill(out, 0, <usize> width << 2);
    return;
  }
  const scale = f32x4.splat(1 / sumExp(x, width, largest));
  const shift = f32x4.splat(largest);
  const end = out + (<usize> width << 2);
  for (const vectors = out + (<usize> (width & ~3) << 2); out < vectors; x += 16, out += 16) {
    v128.store(out, f32x4.mul(exp(f32x4.sub(v128.load(x), shift)), scale));
  }
  for (; out < end; x += 4, out += 4) {
    store<f32>(out, f32x4.extract_lane(f32x4.mul(exp(f32x4.sub(v128.load_zero<f32>(x), shift)), scale), 0));
  }
}

/** Logarithm of the softmax of rows. */
export function logSoftmax(a: SoftmaxArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    logSoftmaxRow(a.x + row * stride, a.out + row * stride, a.width);
  }
}

function logSoftmaxRow(x: usize, out: usize, width: i32): void {
  const largest = maxRow(x, width);
  const shift = f32x4.splat(largest);
  const logTotal = log(f32x4.splat(sumExp(x, width, largest)));
  const hidden = f32x4.splat(LOWEST);
  const end = out + (<usize> width << 2);
  for (const vectors = out + (<usize> (width & ~3) << 2); out < vectors; x += 16, out += 16) {
    const values = v128.load(x);
    const result = f32x4.sub(f32x4.sub(values, shift), logTotal);
    v128.store(out, v128.bitselect(hidden, result, f32x4.le(values, hidden)));
  }
  for (; out < end; x += 4, out += 4) {
    const value = load<f32>(x);
    store<f32>(out, value <= LOWEST ? LOWEST : value - largest - f32x4.extract_lane(logTotal, 0));
  }
}

/** Largest value of a row; LOWEST for an empty one. */
export function maxRow(x: usize, count: i32): f32 {
  let m0 = f32x4.splat(LOWEST), m1 = m0, m2 = m0, m3 = m0;
  const end = x + (<usize> count << 2);
  for (const blocks = x + (<usize> (count & ~15) << 2); x < blocks; x += 64) {
    m0 = f32x4.max(m0, v128.load(x));
    m1 = f32x4.max(m1, v128.load(x, 16));
    m2 = f32x4.max(m2, v128.load(x, 32));
    m3 = f32x4.max(m3, v128.load(x, 48));
  }
  let largest = maxLanes(f32x4.max(f32x4.max(m0, m1), f32x4.max(m2, m3)));
  for (; x < end; x += 4) largest = max<f32>(largest, load<f32>(x));
  return largest;
}

/** Σ e^(x - largest). */
export function sumExp(x: usize, count: i32, largest: f32): f32 {
  const shift = f32x4.splat(largest);
  const end = x + (<usize> count << 2);
  const vectors = x + (<usize> (count & ~3) << 2);
  let total: f64 = 0;
  while (x < vectors) {
    let partial = f32x4.splat(0);
    for (const block = min<usize>(x + SUM_BLOCK * 16, vectors); x < block; x += 16) {
      partial = f32x4.add(partial, exp(f32x4.sub(v128.load(x), shift)));
    }
    total += <f64> sumLanes(partial);
  }
  for (; x < end; x += 4) total += <f64> f32x4.extract_lane(exp(f32x4.sub(v128.load_zero<f32>(x), shift)), 0);
  return <f32> total;
}
