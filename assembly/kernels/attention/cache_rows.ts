import { FormatId } from "../../records/kernel_id";
import { Address } from "../common/fields";
import { shareStart } from "../common/split";
import { rowBytes, toFloats } from "../formats/formats";

/*
 * Rows of key and value caches: the features of one head at one position, as the format stores them.
 */

/** A row as f32: where it lies if it is, else what `room` then holds. */
export function asFloats(row: usize, room: usize, dim: i32, format: i32): usize {
  if (format == FormatId.f32) return row;
  toFloats(row, room, dim, format);
  return room;
}

// @ts-ignore: decorator
@unmanaged
export class ReadCacheArguments {
  cache: Address;
  /** Where the rows go, in f32. */
  rows: Address;
  firstRow: i32;
  count: i32;
  /** Features of a head. */
  width: i32;
  format: FormatId;
}

/** Reads rows of a cache as f32. */
export function readCache(a: ReadCacheArguments, thread: i32, threads: i32, scratch: usize): void {
  const bytes = rowBytes(a.width, a.format);
  const to = shareStart(a.count, thread + 1, threads);
  for (let row = shareStart(a.count, thread, threads); row < to; row++) {
    toFloats(a.cache + <usize> (a.firstRow + row) * bytes, a.rows + (<usize> row * a.width << 2), a.width, a.format);
  }
}
