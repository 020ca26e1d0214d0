import { Address } from "../common/fields";
import { shareStart } from "../common/split";

/** Bytes that a thread copies at a time. */
const CHUNK: u32 = 1 << 16;

// @ts-ignore: decorator
@unmanaged
export class CopyRowsArguments {
  from: Address;
  /** Bytes from one row to the next; 0: the same row again and again. */
  fromStride: u32;
  to: Address;
  toStride: u32;
  /** Bytes of a row. */
  bytes: u32;
  rows: i32;
}

/** Copies equally long rows of bytes: `concat`, `clone` and `slice`. */
export function copyRows(a: CopyRowsArguments, thread: i32, threads: i32, scratch: usize): void {
  const chunks = <i32> ((a.bytes + CHUNK - 1) / CHUNK);
  const last = shareStart(a.rows * chunks, thread + 1, threads);
  for (let piece = shareStart(a.rows * chunks, thread, threads); piece < last; piece++) {
    const row = piece / chunks;
    const start = <u32> (piece - row * chunks) * CHUNK;
    memory.copy(
      a.to + row * a.toStride + start,
      a.from + row * a.fromStride + start,
      min<u32>(CHUNK, a.bytes - start),
    );
  }
}
