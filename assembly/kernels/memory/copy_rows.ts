import { shareStart } from "../common/split";

/** Bytes that a thread copies at a time. */
const CHUNK: u32 = 1 << 16;

/** Copies equally long runs of bytes. Arguments: from, bytes between its runs, to, bytes between its runs, bytes of a run, runs. */
export function copyRows(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const from: usize = load<u32>(args);
  const fromStride: usize = load<u32>(args, 4);
  const to: usize = load<u32>(args, 8);
  const toStride: usize = load<u32>(args, 12);
  const bytes = load<u32>(args, 16);
  const runs = load<i32>(args, 20);
  const chunks = <i32> ((bytes + CHUNK - 1) / CHUNK);
  const last = shareStart(runs * chunks, thread + 1, threads);
  for (let piece = shareStart(runs * chunks, thread, threads); piece < last; piece++) {
    const run = piece / chunks;
    const start = <u32> (piece - run * chunks) * CHUNK;
    memory.copy(to + run * toStride + start, from + run * fromStride + start, min<u32>(CHUNK, bytes - start));
  }
}
