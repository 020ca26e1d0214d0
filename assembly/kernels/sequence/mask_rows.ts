import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class MaskRowsArguments {
  x: Tensor;
  /** [rows] of i32. */
  mask: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
}

/** Copies rows, or sets them to zero where the mask is 0. */
export function maskRows(a: MaskRowsArguments, thread: i32, threads: i32, scratch: usize): void {
  const bytes = <usize> a.width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    if (load<i32>(a.mask + (<usize> row << 2))) memory.copy(a.out + row * bytes, a.x + row * bytes, bytes);
    else memory.fill(a.out + row * bytes, 0, bytes);
  }
}
