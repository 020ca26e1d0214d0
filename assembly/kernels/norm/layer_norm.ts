import { madd, sumLanes } from "../common/simd";
import { shareStart } from "../common/split";

/**
 * Layer norm (arXiv 1607.06450): (x - mean) / √(variance + eps) · (gain + offset) + bias, with the biased variance. Arguments: x, gain or
 * 0, gain's offset (f32), bias or 0, eps (f32), out, rows, width.
 */
export function layerNorm(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const gain: usize = load<u32>(args, 4);
  const gainOffset = load<f32>(args, 8);
  const bias: usize = load<u32>(args, 12);
  const eps = load<f32>(args, 16);
  const out: usize = load<u32>(args, 20);
  const rows = load<i32>(args, 24);
  const width = load<i32>(args, 28);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const from = x + row * stride;
    const mean = sumRow(from, width) / <f32> width;
    const variance = sumSquares(from, width, mean) / <f32> width;
    normalize(from, mean, 1 / sqrt<f32>(variance + eps), gain, gainOffset, bias, out + row * stride, width);
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
  x: usize, mean: f32, factor: f32, gain: usize, gainOffset: f32, bias: usize, out: usize, count: i32,
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
