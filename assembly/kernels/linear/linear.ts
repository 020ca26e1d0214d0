import { STREAMED_ROWS } from "../../records/constants";
import { isBlocked } from "../formats/formats";
import { LinearArguments } from "./linear_arguments";
import { FEW_ROWS, linearFewRows } from "./linear_few_rows";
import { linearQuantizedRow } from "./linear_quantized_row";
import { linearQuantizedRows } from "./linear_quantized_rows";
import { linearRow } from "./linear_row";
import { linearRows } from "./linear_rows";

/**
 * out = activation(x Wᵀ + bias). One row is bound by reading the weight, many rows by arithmetic: each has its own
 * kernel.
 */
export function linear(a: LinearArguments, thread: i32, threads: i32, scratch: usize): void {
  if (isBlocked(a.format)) {
    if (a.rows <= STREAMED_ROWS) linearQuantizedRow(a, scratch, thread, threads);
    else linearQuantizedRows(a, scratch, thread, threads);
  } else if (a.rows == 1) {
    linearRow(a, scratch, thread, threads);
  } else if (a.rows <= FEW_ROWS) {
    linearFewRows(a, scratch, thread, threads);
  } else {
    linearRows(a, scratch, thread, threads);
  }
}
