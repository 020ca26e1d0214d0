import { exp } from "../common/math";
import { shareStart } from "../common/split";
import { LOWEST } from "../softmax/softmax";
import { AttentionArguments } from "./attention_arguments";

/** Bytes of a row of a chunk: its sums, the largest score and the total. */
// @ts-ignore: decorator
@inline
function partialBytes(a: AttentionArguments): usize {
  return <usize> (a.dim + 2) << 2;
}

/** Where a row's sums go. Rows are queries, and within a query the heads that read one key head. */
export function rowAddress(a: AttentionArguments, b: i32, kvHead: i32, row: i32, chunk: i32): usize {
  const group = a.heads / a.kvHeads;
  if (a.partials) {
    const first = (<usize> (b * a.kvHeads + kvHead) * a.chunks + chunk) * a.n * group;
    return a.partials + (first + row) * partialBytes(a);
  }
  const head = row % group * a.kvHeads + kvHead;
  return a.out + ((<usize> (b * a.n + row / group) * a.heads + head) * a.dim << 2);
}

/**
 * The factor for a row's sums; NaN if the largest score is. A chunk's factor is 1, and its largest score and total are
 * written behind its sums.
 */
export function finishRow(
  a: AttentionArguments,
  b: i32,
  kvHead: i32,
  row: i32,
  chunk: i32,
  largest: f32,
  total: f32,
): f32 {
  if (!a.partials) {
    if (isNaN<f32>(largest)) return largest;
    return total > 0 ? 1 / total : 0; // a row that sees no key gives zeros
  }
  const end = rowAddress(a, b, kvHead, row, chunk) + (<usize> a.dim << 2);
  store<f32>(end, largest);
  store<f32>(end, total, 4);
  return 1;
}

/** Merges what `attention` left for each chunk of the keys. */
export function mergeChunks(a: AttentionArguments, thread: i32, threads: i32, scratch: usize): void {
  const group = a.heads / a.kvHeads;
  const rows = a.n * group;
  const to = shareStart(a.batch * a.kvHeads * rows, thread + 1, threads);
  for (let index = shareStart(a.batch * a.kvHeads * rows, thread, threads); index < to; index++) {
    const keyHead = index / rows;
    const row = index - keyHead * rows;
    const head = row % group * a.kvHeads + keyHead % a.kvHeads;
    const query = keyHead / a.kvHeads * a.n + row / group;
    const out = a.out + ((<usize> query * a.heads + head) * a.dim << 2);
    mergeRow(a, keyHead, row, rows, out);
  }
}

function mergeRow(a: AttentionArguments, keyHead: i32, row: i32, rows: i32, out: usize): void {
  const bytes = partialBytes(a);
  const stride = rows * bytes;
  const first = a.partials + (<usize> keyHead * a.chunks * rows + row) * bytes;
  const last = first + a.chunks * stride;
  const width = <usize> a.dim << 2;
  let largest: f32 = LOWEST;
  for (let at = first; at < last; at += stride) largest = max<f32>(largest, load<f32>(at + width));
  memory.fill(out, 0, width);
  let total: f32 = 0;
  if (isNaN<f32>(largest)) total = largest;
  for (let at = first; at < last; at += stride) {
    const own = load<f32>(at + width, 4);
    if (own === 0) continue; // all keys of this chunk are hidden
    const factor = f32x4.extract_lane(exp(f32x4.splat(load<f32>(at + width) - largest)), 0);
    total += own * factor;
    for (let e: usize = 0; e < width; e += 4) store<f32>(out + e, load<f32>(out + e) + load<f32>(at + e) * factor);
  }
  if (total === 0) return; // a row that sees no key gives zeros
  for (let e: usize = 0; e < width; e += 4) store<f32>(out + e, load<f32>(out + e) / total);
}
