import { shareStart } from "../common/split";
import { activateValues } from "./activation";

/** Gated linear unit (arXiv 2002.05202): first half · activation(second half). Arguments: x, out, rows, width of out, activation. */
export function glu(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const rows = load<i32>(args, 8);
  const width = load<i32>(args, 12);
  const id = load<i32>(args, 16);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const values = x + row * stride * 2;
    gateRow(values, values + stride, out + row * stride, width, id);
  }
}

/** out = x · activation(gate), `count` values. */
export function gateRow(x: usize, gate: usize, out: usize, count: i32, id: i32): void {
  activateValues(gate, out, count, id);
  const end = out + (<usize> count << 2);
  for (const vectors = out + (<usize> (count & ~3) << 2); out < vectors; x += 16, out += 16) {
    v128.store(out, f32x4.mul(v128.load(x), v128.load(out)));
  }
  for (; out < end; x += 4, out += 4) store<f32>(out, load<f32>(x) * load<f32>(out));
}
