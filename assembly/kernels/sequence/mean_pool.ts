import { shareStart } from "../common/split";

/** Mean over a sequence. Arguments: x, out, sequences, n, width. */
export function meanPool(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const sequences = load<i32>(args, 8);
  const n = load<i32>(args, 12);
  const width = load<i32>(args, 16);
  const stride = <usize> width << 2;
  const to = shareStart(sequences, thread + 1, threads);
  for (let i = shareStart(sequences, thread, threads); i < to; i++) {
    meanOfRows(x + i * n * stride, stride, n, out + i * stride, width);
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
