import { expWeight } from "../common/math";
import { maxLanes, sumLanes } from "../common/simd";
import { addScaled, dot, queryFactor } from "../formats/formats";
import { scaleRow } from "../norm/l2_norm";
import { LOWEST } from "../softmax/softmax";
import { AttentionArguments, decayPowers, firstQuery, XPOS_BLOCK_BITS } from "./attention_arguments";
import { biasKeys } from "./attention_bias";
import { BLOCK, Block, chunkEnd, chunkStart, takeKeys, takeMemory } from "./attention_blocks";
import { finishRow, rowAddress } from "./attention_merge";

/*
 * Attention of one or two query rows for each key head, as in decoding. Most of the time goes into reading keys and
 * values, so they are used in the cache's own format and layout, features in lanes.
 */

/** State of a query row, in scratch memory. */
// @ts-ignore: decorator
@unmanaged
class Row {
  position: i32;
  head: i32;
  /** Largest score so far, and the sum of e^(score - largest). */
  largest: f32;
  total: f32;
  /** The query times scale, decayed to an xPos block; the query itself. */
  query: u32;
  source: u32;
  /** Σ e^(score - largest) · value. */
  sums: u32;
}

/** Bytes of a `Row`. */
const ROW_BYTES: usize = 32;
/** No xPos block. */
const NO_BLOCK: i32 = i32.MIN_VALUE;

/** The same results as `attention`, from the same arguments. */
export function attentionFewRows(a: AttentionArguments, thread: i32, threads: i32, scratch: usize): void {
  const units = a.batch * a.kvHeads * a.chunks;
  for (let unit = thread; unit < units; unit += threads) {
    const head = unit / a.chunks;
    attendChunk(a, head / a.kvHeads, head % a.kvHeads, unit % a.chunks, scratch);
  }
}

function attendChunk(a: AttentionArguments, b: i32, kvHead: i32, chunk: i32, scratch: usize): void {
  const first = firstQuery(a, b);
  const count = a.n * (a.heads / a.kvHeads);
  const block = changetype<Block>(scratch);
  const rows = scratch + 64;
  const end = rows + <usize> count * ROW_BYTES;
  const scores = scratch + 256;
  const powers = scores + (BLOCK << 2);
  const queries = powers + (<usize> a.dim << 2);
  // Converting a block to f32 costs as much as two rows' products save.
  block.buffer = 0;
  beginRows(a, b, kvHead, first, rows, queries);
  if (chunk === 0 && a.memory > 0) {
    for (let row = rows; row < end; row += ROW_BYTES) scaleQuery(a, changetype<Row>(row), a.scale, NO_BLOCK, powers);
    for (let key = 0; key < a.memory;) {
      key = takeMemory(a, block, kvHead, key);
      for (let row = rows; row < end; row += ROW_BYTES) attendRow(a, changetype<Row>(row), block, scores);
    }
  }
  let to = chunkEnd(a, first, chunk);
  if (a.isCausal) to = min<i32>(to, first + a.n);
  const scale = a.scale * queryFactor(a.format);
  let xposBlock = NO_BLOCK;
  for (let position = chunkStart(a, first, chunk); position < to;) {
    const own = a.decay ? position >> XPOS_BLOCK_BITS : 0;
    position = takeKeys(a, block, b, kvHead, position, to);
    for (let row = rows; row < end; row += ROW_BYTES) {
      if (own !== xposBlock) scaleQuery(a, changetype<Row>(row), scale, a.decay ? own : NO_BLOCK, powers);
      attendRow(a, changetype<Row>(row), block, scores);
    }
    xposBlock = own;
  }
  for (let i = 0; i < count; i++) {
    const row = changetype<Row>(rows + <usize> i * ROW_BYTES);
    const factor = finishRow(a, b, kvHead, i, chunk, row.largest, row.total);
    scaleRow(row.sums, factor, rowAddress(a, b, kvHead, i, chunk), a.dim);
  }
}

function beginRows(a: AttentionArguments, b: i32, kvHead: i32, first: i32, rows: usize, at: usize): void {
  const group = a.heads / a.kvHeads;
  const bytes = <usize> a.dim << 2;
  for (let i = 0; i < a.n * group; i++, rows += ROW_BYTES) {
    const row = changetype<Row>(rows);
    const head = i % group * a.kvHeads + kvHead;
    row.position = first + i / group;
    row.head = head;
    row.largest = LOWEST;
    row.total = 0;
    row.source = a.q + ((b * a.n + i / group) * a.heads + head) * <u32> bytes;
    row.query = <u32> at;
    row.sums = <u32> (at + bytes);
    memory.fill(row.sums, 0, bytes);
    at += 2 * bytes;
  }
}

function scaleQuery(a: AttentionArguments, row: Row, scale: f32, xposBlock: i32, powers: usize): void {
  const isDecayed = xposBlock !== NO_BLOCK;
  if (isDecayed) decayPowers(a.decay, (row.position >> XPOS_BLOCK_BITS) - xposBlock, a.dim, powers);
  for (let e: usize = 0; e < <usize> a.dim << 2; e += 4) {
    const value = load<f32>(<usize> row.source + e) * scale;
    store<f32>(<usize> row.query + e, isDecayed ? value * load<f32>(powers + e) : value);
  }
}

function attendRow(a: AttentionArguments, row: Row, block: Block, scores: usize): void {
  let count = block.count;
  if (a.isCausal && !block.isMemory) count = min<i32>(count, row.position + 1 - block.position);
  if (count <= 0) return;
  for (let key = 0; key < count; key++) {
    const at = <usize> block.keys + <usize> key * block.stride;
    store<f32>(scores + (<usize> key << 2), dot(row.query, at, a.dim, block.format));
  }
  weigh(a, row, block, count, scores);
  addScaled(scores, count, block.values, block.stride, row.sums, a.dim, block.format);
}

/** Turns a row's scores into e^(score - largest), and rescales the earlier sums to the new largest score. */
function weigh(a: AttentionArguments, row: Row, block: Block, count: i32, scores: usize): void {
  const vectors = scores + (<usize> (count + 3 & ~3) << 2);
  biasKeys(a, block, row.head, row.position, count, scores);
  let lanes = f32x4.splat(LOWEST);
  let isNaN = f32x4.splat(0);
  for (let at = scores; at < vectors; at += 16) {
    const score = v128.load(at);
    lanes = f32x4.pmax(lanes, score);
    isNaN = v128.or(isNaN, f32x4.ne(score, score));
  }
  const before = row.largest;
  // Lanes with all bits set are NaN. A largest score of NaN remains NaN, and `finishRow` makes the row NaN.
  const largest = max<f32>(before, maxLanes(v128.or(lanes, isNaN)));
  row.largest = largest;
  // While all keys are hidden, the largest score is LOWEST, and so are the scores that it is subtracted from.
  const isSeen = f32x4.gt(f32x4.splat(largest), f32x4.splat(LOWEST));
  let total = f32x4.splat(0);
  for (let at = scores; at < vectors; at += 16) {
    const weight = v128.and(expWeight(f32x4.sub(v128.load(at), f32x4.splat(largest))), isSeen);
    v128.store(at, weight);
    total = f32x4.add(total, weight);
  }
  const rescale = f32x4.extract_lane(expWeight(f32x4.splat(before - largest)), 0);
  row.total = row.total * rescale + sumLanes(total);
  if (rescale !== 1) scaleRow(row.sums, rescale, row.sums, a.dim);
}
