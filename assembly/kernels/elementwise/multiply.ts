import { ActivationId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { scaleRow } from "../norm/l2_norm";
import { activateValues } from "./activation";
import { gateRow } from "./glu";

// @ts-ignore: decorator
@unmanaged
export class MultiplyArguments {
  x: Tensor;
  y: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
  /** Rows of y, which repeat. */
  yRows: i32;
  /** Factors of a row: one for each feature, or for each head of features. */
  factors: i32;
  activation: ActivationId;
}

/** x · activation(factor), one factor for each feature or for each head of features. */
export function multiply(a: MultiplyArguments, thread: i32, threads: i32, scratch: usize): void {
  const stride = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const x = a.x + row * stride;
    const factors = a.y + (<usize> (row % a.yRows) * a.factors << 2);
    const out = a.out + row * stride;
    if (a.factors === a.width) gateRow(x, factors, out, a.width, a.activation);
    else multiplyHeads(x, factors, out, a.factors, a.width / a.factors, a.activation, scratch);
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
