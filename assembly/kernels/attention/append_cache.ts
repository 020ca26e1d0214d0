import { FormatId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { fromFloats, rowBytes } from "../formats/formats";
import { cacheRow, positionOf } from "./positions";

// @ts-ignore: decorator
@unmanaged
export class AppendCacheArguments {
  /** [rows, kvHeads, capacity, dim], in its format. */
  cache: Tensor;
  /** [b, n, kvHeads · dim]. */
  x: Tensor;
  /** Position of the first row of each sequence, see `positions.ts`. */
  positions: Tensor;
  /** Rows of each sequence that are written: [b] of i32; 0: all. */
  lengths: Tensor;
  xShape0: i32;
  xShape1: i32;
  /** 2 if positions give the row of each sequence in the cache, else 0. */
  positionsShape1: i32;
  cacheShape0: i32;
  cacheShape1: i32;
  cacheShape2: i32;
  cacheShape3: i32;
  cacheFormat: FormatId;
}

/** Writes rows of keys or values into caches. */
export function appendCache(a: AppendCacheArguments, thread: i32, threads: i32, scratch: usize): void {
  const batch = a.xShape0;
  const n = a.xShape1;
  const cacheRows = a.positionsShape1 ? a.cacheShape0 : 0;
  const kvHeads = a.cacheShape1;
  const capacity = a.cacheShape2;
  const dim = a.cacheShape3;
  const format = a.cacheFormat;
  const bytes = rowBytes(dim, format);
  const to = shareStart(batch * n, thread + 1, threads);
  for (let row = shareStart(batch * n, thread, threads); row < to; row++) {
    const b = row / n;
    const i = row - b * n;
    const length = a.lengths ? min<i32>(load<i32>(a.lengths + (<usize> b << 2)), n) : n;
    const position = positionOf(a.positions, b, cacheRows) + i;
    // What later rows of the same call would overwrite is left out, so that threads don't race for a slot.
    if (i >= length || i < length - capacity || position < 0) continue;
    const slot = position % capacity;
    const kept = <usize> cacheRow(a.positions, b, cacheRows) * kvHeads;
    for (let head = 0; head < kvHeads; head++) {
      const to = a.cache + ((kept + head) * capacity + slot) * bytes;
      fromFloats(a.x + (<usize> (row * kvHeads + head) * dim << 2), to, dim, format);
    }
  }
}
