import { STREAMED_ROWS } from "../../records/constants";
import { isQuantized } from "../weights/quantized_panels";
import { FEW_ROWS, linearFewRows } from "./linear_few_rows";
import { linearQuantizedRow } from "./linear_quantized_row";
import { linearQuantizedRows } from "./linear_quantized_rows";
import { linearRow } from "./linear_row";
import { linearRows } from "./linear_rows";

/**
 * out = activation(x Wᵀ + bias). Arguments: x (with a quantized weight: what `quantizeInputs` made of it), weight, bias
 * or 0, out, rows, in, out, format, activation. One row is bound by reading the weight, many rows by arithmetic: each
 * has its own kernel.
 */
export function linear(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const weight: usize = load<u32>(args, 4);
  const bias: usize = load<u32>(args, 8);
  const out: usize = load<u32>(args, 12);
  const rows = load<i32>(args, 16);
  const inSize = load<i32>(args, 20);
  const outSize = load<i32>(args, 24);
  const format = load<i32>(args, 28);
  const activation = load<i32>(args, 32);
  if (isQuantized(format)) {
    if (rows <= STREAMED_ROWS) {
      linearQuantizedRow(x, weight, bias, out, rows, inSize, outSize, format, activation, thread, threads, scratch);
    } else {
      linearQuantizedRows(x, weight, bias, out, rows, inSize, outSize, format, activation, thread, threads, scratch);
    }
  } else if (rows == 1) {
    linearRow(x, weight, bias, out, inSize, outSize, format, activation, thread, threads, scratch);
  } else if (rows <= FEW_ROWS) {
    linearFewRows(x, weight, bias, out, rows, inSize, outSize, format, activation, thread, threads, scratch);
  } else {
    linearRows(x, weight, bias, out, rows, inSize, outSize, format, activation, thread, threads, scratch);
  }
}
