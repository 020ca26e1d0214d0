import { shareStart } from "../common/split";

/** Copies rows by index; an index that is out of range gives zeros. Arguments: x, indices, out, indices' count, rows of x, bytes of a row. */
export function gatherRows(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const x: usize = load<u32>(args);
  const indices: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const count = load<i32>(args, 12);
  const rows = load<u32>(args, 16);
  const bytes: usize = load<u32>(args, 20);
  const to = shareStart(count, thread + 1, threads);
  for (let i = shareStart(count, thread, threads); i < to; i++) {
    const row = load<u32>(indices + (<usize> i << 2));
    if (row < rows) memory.copy(out + i * bytes, x + row * bytes, bytes);
    else memory.fill(out + i * bytes, 0, bytes);
  }
}
