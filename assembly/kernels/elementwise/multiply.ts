import { shareStart } from "../common/split";
import { scaleRow } from "../norm/l2_norm";
import { activateValues } from "./activation";
import { gateRow } from "./glu";

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
    else multiplyHeads(from, y + row * yStride, result, factors, width / factors, id, scratch);
  }
}

/** Factors that are activated at a time. */
const FACTORS = 4096;

function multiplyHeads(x: usize, y: usize, out: usize, heads: i32, dim: i32, id: i32, scratch: usize): void {
  const stride = <usize> dim << 2;
  for (let head = 0; head < heads; head += FACTORS) {
    const count = min(FACTORS, heads - head);
    activateValues(y + (<usize> head << 2), scratch, count, id);
    scaleHeads(x + head * stride, scratch, out + head * stride, count, dim);
  }
}

function scaleHeads(x: usize, factors: usize, out: usize, heads: i32, dim: i32): void {
  const stride = <usize> dim << 2;
  for (let head = 0; head < heads; head++, x += stride, out += stride, factors += 4) {
    scaleRow(x, load<f32>(factors), out, dim);
  }
}
