import { shareStart } from "../common/split";
import { readRow } from "./weight_rows";

/** Rows of a weight by token id. Arguments: tokens, weight, out, token count, numTokens, dim, format. */
export function embedding(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const tokens: usize = load<u32>(args);
  const weight: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const count = load<i32>(args, 12);
  const numTokens = load<i32>(args, 16);
  const dim = load<i32>(args, 20);
  const format = load<i32>(args, 24);
  const to = shareStart(count, thread + 1, threads);
  for (let i = shareStart(count, thread, threads); i < to; i++) {
    const token = load<i32>(tokens + (<usize> i << 2));
    const target = out + (<usize> i * dim << 2);
    // An id out of range must not read other tensors' memory; models refuse such ids, here they embed as zeros.
    if (<u32> token < <u32> numTokens) readRow(weight, token, dim, format, target, scratch);
    else memory.fill(target, 0, <usize> dim << 2);
  }
}
