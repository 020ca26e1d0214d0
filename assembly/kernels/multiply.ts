import { activation } from "./activation";
import { gateRow } from "./glu";
import { shareStart } from "./split";

/**
 * x · activation(factor), one factor for each feature or for each head of features. Arguments: x, y, out, rows, width, factors of a
 * row, bytes from one row of y to the next (0: the same for all), activation.
 */
export function multiply(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const y: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const rows = load<i32>(args, 12);
  const width = load<i32>(args, 16);
  const factors = load<i32>(args, 20);
  const yStride: usize = load<u32>(args, 24);
  const id = load<i32>(args, 28);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const from = x + row * stride;
    const result = out + row * stride;
    if (factors === width) gateRow(from, y + row * yStride, result, width, id);
    else scaleHeads(from, y + row * yStride, result, factors, width / factors, id);
  }
}

function scaleHeads(x: usize, y: usize, out: usize, heads: i32, dim: i32, id: i32): void {
  for (const last = y + (<usize> heads << 2); y < last; y += 4) {
    const factor = f32x4.extract_lane(activation(v128.load_zero<f32>(y), id), 0);
    const factorLanes = f32x4.splat(factor);
    const end = out + (<usize> dim << 2);
    for (const vectors = out + (<usize> (dim & ~3) << 2); out < vectors; x += 16, out += 16) {
      v128.store(out, f32x4.mul(v128.load(x), factorLanes));
    }
    for (; out < end; x += 4, out += 4) store<f32>(out, load<f32>(x) * factor);
  }
}
