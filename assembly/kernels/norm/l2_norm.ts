import { shareStart } from "../common/split";
import { sumSquares } from "./layer_norm";

/**
 * x / max(sqrt(‖x‖² + squareEps), eps) · factor · (gain + offset) over groups of features. Arguments: x, out, groups in all rows, width of a group, groups
 * of a row, gain or 0, bytes from one group's gain to the next's, whether a group has one gain for all its features, gain's offset
 * (f32), factor (f32), eps (f32), squareEps (f32).
 */
export function l2Norm(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const total = load<i32>(args, 8);
  const width = load<i32>(args, 12);
  const groups = load<i32>(args, 16);
  const gain: usize = load<u32>(args, 20);
  const gainStride: usize = load<u32>(args, 24);
  const isSingle = load<i32>(args, 28) !== 0;
  const gainOffset = load<f32>(args, 32);
  const factor = load<f32>(args, 36);
  const eps = load<f32>(args, 40);
  const squareEps = load<f32>(args, 44);
  const stride = <usize> width << 2;
  const to = shareStart(total, thread + 1, threads);
  for (let group = shareStart(total, thread, threads); group < to; group++) {
    const from = x + group * stride;
    const result = out + group * stride;
    const scale = factor / max<f32>(sqrt<f32>(sumSquares(from, width, 0) + squareEps), eps);
    if (gain === 0) scaleRow(from, scale, result, width);
    else if (isSingle) scaleRow(from, scale * (load<f32>(gain) + gainOffset), result, width);
    else scaleByGain(from, scale, gain + (group % groups) * gainStride, gainOffset, result, width);
  }
}

/** out = x · scale. */
export function scaleRow(x: usize, scale: f32, out: usize, count: i32): void {
  const scales = f32x4.splat(scale);
  const end = out + (<usize> count << 2);
  for (const vectors = out + (<usize> (count & ~3) << 2); out < vectors; x += 16, out += 16) {
    v128.store(out, f32x4.mul(v128.load(x), scales));
  }
  for (; out < end; x += 4, out += 4) store<f32>(out, load<f32>(x) * scale);
}

function scaleByGain(x: usize, scale: f32, gain: usize, gainOffset: f32, out: usize, count: i32): void {
  const scales = f32x4.splat(scale);
  const offsets = f32x4.splat(gainOffset);
  const end = out + (<usize> count << 2);
  for (const vectors = out + (<usize> (count & ~3) << 2); out < vectors; x += 16, gain += 16, out += 16) {
    const gains = f32x4.add(v128.load(gain), offsets);
    v128.store(out, f32x4.mul(f32x4.mul(v128.load(x), scales), gains));
  }
  for (; out < end; x += 4, gain += 4, out += 4) {
    store<f32>(out, load<f32>(x) * scale * (load<f32>(gain) + gainOffset));
  }
}
