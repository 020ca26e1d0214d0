import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class AddArguments {
  x: Tensor;
  y: Tensor;
  /** [width], or 0. */
  scale: Tensor;
  factor: f32;
  out: Tensor;
  rows: i32;
  width: i32;
  /** Rows of y, which repeat. */
  yRows: i32;
}

/** out = x + y · scale · factor. */
export function add(a: AddArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    addRow(a.x + row * stride, a.y + (row % a.yRows) * stride, a.scale, a.factor, a.out + row * stride, a.width);
  }
}

function addRow(x: usize, y: usize, scale: usize, factor: f32, out: usize, width: i32): void {
  const factors = f32x4.splat(factor);
  const end = out + (<usize> width << 2);
  for (const vectors = out + (<usize> (width & ~3) << 2); out < vectors; x += 16, y += 16, out += 16) {
    let scaled = f32x4.mul(v128.load(y), factors);
    if (scale) {
      scaled = f32x4.mul(scaled, v128.load(scale));
      scale += 16;
    }
    v128.store(out, f32x4.add(v128.load(x), scaled));
  }
  for (; out < end; x += 4, y += 4, out += 4) {
    let scaled = load<f32>(y) * factor;
    if (scale) {
      scaled *= load<f32>(scale);
      scale += 4;
    }
    store<f32>(out, load<f32>(x) + scaled);
  }
}
