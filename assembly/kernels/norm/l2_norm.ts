import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { sumSquares } from "./layer_norm";

// @ts-ignore: decorator
@unmanaged
export class L2NormArguments {
  x: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
  /** Groups of a row. */
  groups: i32;
  /** [width], [width of a group] or [1]; or 0. */
  gain: Tensor;
  gainSize: i32;
  gainOffset: f32;
  factor: f32;
  eps: f32;
  squareEps: f32;
}

/** x / max(sqrt(‖x‖² + squareEps), eps) · factor · (gain + offset) over groups of features. */
export function l2Norm(a: L2NormArguments, thread: i32, threads: i32, scratch: usize): void {
  const total = a.rows * a.groups;
  const width = a.width / a.groups;
  const stride = <usize> width << 2;
  const gainStride = a.gainSize === a.width ? stride : 0;
  const to = shareStart(total, thread + 1, threads);
  for (let group = shareStart(total, thread, threads); group < to; group++) {
    const x = a.x + group * stride;
    const out = a.out + group * stride;
    const scale = a.factor / max<f32>(sqrt<f32>(sumSquares(x, width, 0) + a.squareEps), a.eps);
    if (a.gain === 0) scaleRow(x, scale, out, width);
    else if (a.gainSize === 1) scaleRow(x, scale * (load<f32>(a.gain) + a.gainOffset), out, width);
    else scaleByGain(x, scale, a.gain + (group % a.groups) * gainStride, a.gainOffset, out, width);
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
