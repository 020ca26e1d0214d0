import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class MeanPoolArguments {
  /** [rows, n, width]. */
  x: Tensor;
  out: Tensor;
  rows: i32;
  /** n. */
  xShape1: i32;
  width: i32;
}

/** Mean over a sequence. */
export function meanPool(a: MeanPoolArguments, thread: i32, threads: i32, scratch: usize): void {
  const n = a.xShape1;
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    meanOfRows(a.x + row * n * stride, stride, n, a.out + row * stride, a.width);
  }
}

function meanOfRows(x: usize, stride: usize, n: i32, out: usize, width: i32): void {
  const factor: f32 = 1 / <f32> n;
  let feature = 0;
  for (; feature + 4 <= width; feature += 4, x += 16, out += 16) {
    let total = v128.load(x);
    for (let i = 1; i < n; i++) total = f32x4.add(total, v128.load(x + i * stride));
    v128.store(out, f32x4.mul(total, f32x4.splat(factor)));
  }
  for (; feature < width; feature++, x += 4, out += 4) {
    let total = load<f32>(x);
    for (let i = 1; i < n; i++) total += load<f32>(x + i * stride);
    store<f32>(out, total * factor);
  }
}
