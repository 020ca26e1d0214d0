import { shareStart } from "../common/split";

/** Copies rows, or sets them to zero where the mask is 0. Arguments: x, mask, out, rows, bytes of a row. */
export function maskRows(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const mask: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const rows = load<i32>(args, 12);
  const bytes: usize = load<u32>(args, 16);
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    if (load<i32>(mask + (<usize> row << 2))) memory.copy(out + row * bytes, x + row * bytes, bytes);
    else memory.fill(out + row * bytes, 0, bytes);
  }
}
