import { shareStart } from "../common/split";

/** out = x + y · scale · factor. Arguments: x, y, scale [width] or 0, factor (f32), out, rows, width, rows of y, which repeat. */
export function add(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const y: usize = load<u32>(args, 4);
  const scale: usize = load<u32>(args, 8);
  const factor = load<f32>(args, 12);
  const out: usize = load<u32>(args, 16);
  const rows = load<i32>(args, 20);
  const width = load<i32>(args, 24);
  const yRows = load<i32>(args, 28);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    addRow(x + row * stride, y + (row % yRows) * stride, scale, factor, out + row * stride, width);
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
