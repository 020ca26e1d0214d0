import { shareStart } from "../common/split";

/** Bytes that one thread clears at a time. */
const CHUNK = 4096;

/** Arguments: address, bytes. */
export function zero(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const address: usize = load<u32>(args);
  const bytes: usize = load<u32>(args, 4);
  const chunks = <i32> ((bytes + CHUNK - 1) / CHUNK);
  const from = <usize> shareStart(chunks, thread, threads) * CHUNK;
  const to = min<usize>(<usize> shareStart(chunks, thread + 1, threads) * CHUNK, bytes);
  if (to > from) memory.fill(address + from, 0, to - from);
}
