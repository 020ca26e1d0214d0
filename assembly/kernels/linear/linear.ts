import { STREAMED_ROWS } from "../../records/constants";
import { isBlocked } from "../formats/formats";
import { LinearArguments } from "./linear_arguments";
import { FEW_ROWS, linearFewRows } from "./linear_few_rows";
import { linearQuantizedFewRows } from "./linear_quantized_few_rows";
import { linearQuantizedRows } from "./linear_quantized_rows";
import { linearRows } from "./linear_rows";

/**
 * out = activation(x Wᵀ + bias) of several rows. Few are bound by reading the weight, many by arithmetic: each have
 * their own code, and one row is a kernel of its own, `linearRow`.
 */
export function linear(a: LinearArguments, thread: i32, threads: i32, scratch: usize): void {
  if (isBlocked(a.format)) {
    if (a.rows <= STREAMED_ROWS) linearQuantizedFewRows(a, scratch, thread, threads);
    else linearQuantizedRows(a, scratch, thread, threads);
  } else if (a.rows <= FEW_ROWS) {
    linearFewRows(a, scratch, thread, threads);
  } else {
    linearRows(a, scratch, thread, threads);
  }
}
