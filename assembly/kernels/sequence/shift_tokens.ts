import { List, Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class ShiftTokensArguments {
  /** [b, n, width]. */
  x: Tensor;
  /** Rows before the first of each sequence [b, previous, width], or 0. */
  previous: Tensor;
  out: Tensor;
  rows: i32;
  /** n. */
  xShape1: i32;
  previousShape1: i32;
  width: i32;
  /** One for each segment of the features. */
  shifts: List;
}

/** Token shift: segment `s` of the features comes from `shifts[s]` positions before. */
export function shiftTokens(a: ShiftTokensArguments, thread: i32, threads: i32, scratch: usize): void {
  const n = a.xShape1;
  const before = a.previousShape1;
  const segments = a.shifts;
  const shifts = changetype<usize>(a) + offsetof<ShiftTokensArguments>();
  const segment = a.width / segments;
  const bytes = <usize> segment << 2;
  const stride = <usize> a.width << 2;
  const rest = <usize> (a.width - segment * segments) << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const sequence = row / n;
    const i = row - sequence * n;
    for (let s = 0; s < segments; s++) {
      const from = i - load<i32>(shifts + (<usize> s << 2));
      const features = <usize> s * bytes;
      const result = a.out + row * stride + features;
      if (from >= 0 && from < n) {
        memory.copy(result, a.x + (<usize> sequence * n + from) * stride + features, bytes);
      } else if (from < 0 && from >= -before) {
        memory.copy(result, a.previous + (<usize> sequence * before + (before + from)) * stride + features, bytes);
      } else memory.fill(result, 0, bytes);
    }
    const end = (row + 1) * stride - rest;
    if (rest > 0) memory.copy(a.out + end, a.x + end, rest);
  }
}
