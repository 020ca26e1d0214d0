import { ActivationId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { activateValues } from "./activation";

// @ts-ignore: decorator
@unmanaged
export class GluArguments {
  /** [rows, 2 · width]. */
  x: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
  activation: ActivationId;
}

/** Gated linear unit (arXiv 2002.05202): first half · activation(second half). */
export function glu(a: GluArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const values = a.x + row * stride * 2;
    gateRow(values, values + stride, a.out + row * stride, a.width, a.activation);
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
