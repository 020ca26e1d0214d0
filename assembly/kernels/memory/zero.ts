import { Address } from "../common/fields";
import { shareStart } from "../common/split";

/** Bytes that one thread clears at a time. */
const CHUNK = 4096;

// @ts-ignore: decorator
@unmanaged
export class ZeroArguments {
  to: Address;
  bytes: u32;
}

/** Sets bytes to zero. */
export function zero(a: ZeroArguments, thread: i32, threads: i32, scratch: usize): void {
  const chunks = <i32> ((a.bytes + CHUNK - 1) / CHUNK);
  const from = <usize> shareStart(chunks, thread, threads) * CHUNK;
  const to = min<usize>(<usize> shareStart(chunks, thread + 1, threads) * CHUNK, a.bytes);
  if (to > from) memory.fill(a.to + from, 0, to - from);
}
