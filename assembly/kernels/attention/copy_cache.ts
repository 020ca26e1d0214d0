import { FormatId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { rowBytes } from "../formats/formats";

// @ts-ignore: decorator
@unmanaged
export class CopyCacheArguments {
  /** [rows, kvHeads, capacity, dim], in its format. */
  cache: Tensor;
  from: i32;
  to: i32;
  /** Slots to copy, from the first on. */
  count: i32;
  cacheShape1: i32;
  cacheShape2: i32;
  cacheShape3: i32;
  cacheFormat: FormatId;
}

/** Copies the first slots of all heads from one row of a cache to another. */
export function copyCache(a: CopyCacheArguments, thread: i32, threads: i32, scratch: usize): void {
  const kvHeads = a.cacheShape1;
  const capacity = a.cacheShape2;
  const bytes = rowBytes(a.cacheShape3, a.cacheFormat);
  const rowStride = <usize> kvHeads * capacity * bytes;
  const end = shareStart(kvHeads * a.count, thread + 1, threads);
  for (let at = shareStart(kvHeads * a.count, thread, threads); at < end;) {
    const head = at / a.count;
    const slot = at - head * a.count;
    const run = min<i32>(a.count - slot, end - at);
    const place = a.cache + (<usize> head * capacity + slot) * bytes;
    memory.copy(place + a.to * rowStride, place + a.from * rowStride, run * bytes);
    at += run;
  }
}
