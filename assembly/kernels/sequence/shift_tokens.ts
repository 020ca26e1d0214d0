import { shareStart } from "../common/split";

/**
 * Token shift: segment a of the features comes from `shifts[a]` positions before. Arguments: x, previous rows or 0, out, rows, n,
 * previous rows of a sequence, width, segments, then the shift of each segment.
 */
export function shiftTokens(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const previous: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const rows = load<i32>(args, 12);
  const n = load<i32>(args, 16);
  const before = load<i32>(args, 20);
  const width = load<i32>(args, 24);
  const segments = load<i32>(args, 28);
  const shifts = args + 32;
  const segment = width / segments;
  const bytes = <usize> segment << 2;
  const stride = <usize> width << 2;
  const rest = <usize> (width - segment * segments) << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const sequence = row / n;
    const i = row - sequence * n;
    for (let a = 0; a < segments; a++) {
      const from = i - load<i32>(shifts + (<usize> a << 2));
      const features = <usize> a * bytes;
      const result = out + row * stride + features;
      if (from >= 0 && from < n) {
        memory.copy(result, x + (<usize> sequence * n + from) * stride + features, bytes);
      } else if (from < 0 && from >= -before) {
        memory.copy(result, previous + (<usize> sequence * before + (before + from)) * stride + features, bytes);
      } else memory.fill(result, 0, bytes);
    }
    const end = (row + 1) * stride - rest;
    if (rest > 0) memory.copy(out + end, x + end, rest);
  }
}
