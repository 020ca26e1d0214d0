import { Tensor } from "../common/fields";
import { madd, sumLanes } from "../common/simd";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class LayerNormArguments {
  x: Tensor;
  /** [width], or 0. */
  gain: Tensor;
  gainOffset: f32;
  /** [width], or 0. */
  bias: Tensor;
  eps: f32;
  out: Tensor;
  rows: i32;
  width: i32;
}

/** Layer norm (arXiv 1607.06450): (x - mean) / √(variance + eps) · (gain + offset) + bias, with the biased variance. */
export function layerNorm(a: LayerNormArguments, thread: i32, threads: i32, scratch: usize): void {
  const width = a.width;
  const stride = <usize> width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const x = a.x + row * stride;
    const mean = sumRow(x, width) / <f32> width;
    const variance = sumSquares(x, width, mean) / <f32> width;
    normalize(x, mean, 1 / sqrt<f32>(variance + a.eps), a.gain, a.gainOffset, a.bias, a.out + row * stride, width);
  }
}

/** Σ x, in four vectors of partial sums. */
function sumRow(x: usize, count: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = x + (<usize> count << 2);
  for (const blocks = x + (<usize> (count & ~15) << 2); x < blocks; x += 64) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
  }
  let total = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; x < end; x += 4) total += load<f32>(x);
  return total;
}

/** Σ (x - mean)². */
export function sumSquares(x: usize, count: i32, mean: f32): f32 {
  const means = f32x4.splat(mean);
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = x + (<usize> count << 2);
  for (const blocks = x + (<usize> (count & ~15) << 2); x < blocks; x += 64) {
    const a = f32x4.sub(v128.load(x), means);
    const b = f32x4.sub(v128.load(x, 16), means);
    const c = f32x4.sub(v128.load(x, 32), means);
    const d = f32x4.sub(v128.load(x, 48), means);
    s0 = madd(a, a, s0);
    s1 = madd(b, b, s1);
    s2 = madd(c, c, s2);
    s3 = madd(d, d, s3);
  }
  let total = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; x < end; x += 4) total += (load<f32>(x) - mean) * (load<f32>(x) - mean);
  return total;
}

/** (x - mean) · factor · (gain + offset) + bias. */
function normalize(
  x: usize,
  mean: f32,
  factor: f32,
  gain: usize,
  gainOffset: f32,
  bias: usize,
  out: usize,
  count: i32,
): void {
  const means = f32x4.splat(mean);
  const factors = f32x4.splat(factor);
  const offsets = f32x4.splat(gainOffset);
  const end = out + (<usize> count << 2);
  for (const vectors = out + (<usize> (count & ~3) << 2); out < vectors; x += 16, out += 16) {
    let y = f32x4.mul(f32x4.sub(v128.load(x), means), factors);
    if (gain) {
      y = f32x4.mul(y, f32x4.add(v128.load(gain), offsets));
      gain += 16;
    }
    if (bias) {
      y = f32x4.add(y, v128.load(bias));
      bias += 16;
    }
    v128.store(out, y);
  }
  for (; out < end; x += 4, out += 4) {
    let y = (load<f32>(x) - mean) * factor;
    if (gain) {
      y *= load<f32>(gain) + gainOffset;
      gain += 4;
    }
    if (bias) {
      y += load<f32>(bias);
      bias += 4;
    }
    store<f32>(out, y);
  }
}
