import { shareStart } from "../common/split";
import { fromFloats, rowBytes } from "../formats/formats";

/**
 * Writes rows of keys or values into caches. Arguments: cache, x, positions, lengths or 0, b, n, kvHeads, capacity, width of a head,
 * format of the cache.
 */
export function appendCache(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const cache: usize = load<u32>(args);
  const x: usize = load<u32>(args, 4);
  const positions: usize = load<u32>(args, 8);
  const lengths: usize = load<u32>(args, 12);
  const batch = load<i32>(args, 16);
  const n = load<i32>(args, 20);
  const kvHeads = load<i32>(args, 24);
  const capacity = load<i32>(args, 28);
  const dim = load<i32>(args, 32);
  const format = load<i32>(args, 36);
  const bytes = rowBytes(dim, format);
  const to = shareStart(batch * n, thread + 1, threads);
  for (let row = shareStart(batch * n, thread, threads); row < to; row++) {
    const b = row / n;
    const i = row - b * n;
    const length = lengths ? min<i32>(load<i32>(lengths + (<usize> b << 2)), n) : n;
    const position = load<i32>(positions + (<usize> b << 2)) + i;
    // What later rows of the same call would overwrite is left out, so that threads don't race for a slot.
    if (i >= length || i < length - capacity || position < 0) continue;
    const slot = position % capacity;
    for (let head = 0; head < kvHeads; head++) {
      const to = cache + ((<usize> b * kvHeads + head) * capacity + slot) * bytes;
      fromFloats(x + (<usize> (row * kvHeads + head) * dim << 2), to, dim, format);
    }
  }
}
