import { expWeight } from "../common/math";
import { madd } from "../common/simd";
import { LOWEST } from "../softmax/softmax";
import { AttentionArguments } from "./attention_arguments";
import { biasRows } from "./attention_bias";
import { BLOCK, Block } from "./attention_blocks";
import { scoreFour, scoreFourByHalf, touch, weighEightByHalf } from "./attention_group";

/*
 * Flash attention (arXiv 2205.14135) of a tile of query rows with a block of keys. Query rows are the lanes: eight of
 * them make a panel, scores lie as [key][8 rows] and sums of values as [feature][8 rows]. So the softmax needs no sums
 * across lanes, and both products are the same 4 × 8 product: scores of 4 keys, or sums of 4 features.
 */

/** Rows of a panel. */
export const PANEL: i32 = 8;
/** Bytes of a value of all rows of a panel. */
export const PANEL_BYTES: usize = 32;

/** State of a tile, in scratch memory. */
// @ts-ignore: decorator
@unmanaged
export class Tile {
  /** Width of a head, and the same rounded up to a multiple of 4. */
  dim: i32;
  paddedDim: i32;
  /** Rows, a multiple of 8, or of 4 where they are few; those beyond the real ones repeat the last. */
  rows: i32;
  /** Queries times scale: [panel][dim][8]. */
  queries: u32;
  /** Position and ALiBi slope of each row. */
  positions: u32;
  slopes: u32;
  /** Largest score of each row so far, and the sum of e^(score - largest). */
  maxima: u32;
  totals: u32;
  /** Σ e^(score - largest) · value: [panel][paddedDim][8]. */
  sums: u32;
  /** A block's keys [4 keys][dim][4], values [4 features][key][4] and one panel's scores [key][8]. */
  keys: u32;
  values: u32;
  scores: u32;
  /** xPos decay of a query over some blocks: [dim]. */
  powers: u32;
  /** Whether rows are so few that keys and values are used without packing. */
  isGroup: i32;
}

/** Attends to a block of at most `BLOCK` keys. */
export function attendBlock(a: AttentionArguments, tile: Tile, block: Block): void {
  if (tile.isGroup) {
    // Only if a head's keys lie side by side: else the others' would be read as well.
    if (block.stride == <u32> tile.dim << 2) {
      touch(block.keys, block.count * block.stride, tile.scores);
      touch(block.values, block.count * block.stride, tile.scores);
    }
  } else {
    packKeys(block.keys, block.stride, block.count, tile.dim, tile.keys);
    packValues(block.values, block.stride, block.count, tile.dim, tile.values);
  }
  const queryBytes = <usize> tile.dim * PANEL_BYTES;
  const sumBytes = <usize> tile.paddedDim * PANEL_BYTES;
  let queries: usize = tile.queries;
  let sums: usize = tile.sums;
  for (let row = 0; row < tile.rows; row += PANEL, queries += queryBytes, sums += sumBytes) {
    const isHalf = tile.rows - row < PANEL;
    let count = block.count;
    if (a.isCausal && !block.isMemory) {
      const last = load<i32>(<usize> tile.positions + (<usize> (row + (isHalf ? PANEL / 2 : PANEL) - 1) << 2));
      count = min<i32>(count, last + 1 - block.position);
      if (count <= 0) continue;
    }
    scorePanel(tile, block, queries, count, isHalf);
    softmaxLanes(a, tile, block, count, row, tile.scores, sums);
    if (!isHalf) softmaxLanes(a, tile, block, count, row + 4, <usize> tile.scores + 16, sums + 16);
    weighPanel(tile, block, sums, sums + sumBytes, count, isHalf);
  }
}

/** Scores of a panel's queries with `count` keys of a block. */
function scorePanel(tile: Tile, block: Block, queries: usize, count: i32, isHalf: bool): void {
  let scores: usize = tile.scores;
  const end = scores + <usize> count * PANEL_BYTES;
  if (!tile.isGroup) {
    for (let keys: usize = tile.keys; scores < end; scores += 4 * PANEL_BYTES, keys += <usize> tile.dim << 4) {
      multiply4x8(keys, 16, queries, scores, tile.dim, false);
    }
    return;
  }
  const last = <usize> block.keys + <usize> (count - 1) * block.stride;
  for (let keys: usize = block.keys; scores < end; scores += 4 * PANEL_BYTES, keys += <usize> block.stride << 2) {
    if (isHalf) scoreFourByHalf(keys, block.stride, last, queries, scores, tile.dim);
    else scoreFour(keys, block.stride, last, queries, scores, tile.dim);
  }
}

/** Adds a block's values, weighted by e^(score - largest), to a panel's sums. */
function weighPanel(tile: Tile, block: Block, sums: usize, end: usize, count: i32, isHalf: bool): void {
  if (isHalf) {
    for (let values: usize = block.values; sums < end; sums += 8 * PANEL_BYTES, values += 32) {
      weighEightByHalf(values, block.stride, tile.scores, count, sums);
    }
    return;
  }
  let values: usize = tile.isGroup ? block.values : tile.values;
  const stride: usize = tile.isGroup ? block.stride : 16;
  const next: usize = tile.isGroup ? 16 : BLOCK << 4;
  for (; sums < end; sums += 4 * PANEL_BYTES, values += next) {
    multiply4x8(values, stride, tile.scores, sums, count, true);
  }
}

/** c [4][8] = aᵀ b, or c + aᵀ b: a [depth][4], its fours `stride` bytes apart, b [depth][8]. */
function multiply4x8(a: usize, stride: usize, b: usize, c: usize, depth: i32, isSum: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  if (isSum) {
    c00 = v128.load(c), c01 = v128.load(c, 16), c10 = v128.load(c, 32), c11 = v128.load(c, 48);
    c20 = v128.load(c, 64), c21 = v128.load(c, 80), c30 = v128.load(c, 96), c31 = v128.load(c, 112);
  }
  for (const end = b + <usize> depth * PANEL_BYTES; b < end; a += stride, b += PANEL_BYTES) {
    const four = v128.load(a);
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const a0 = v128.shuffle<f32>(four, four, 0, 0, 0, 0), a1 = v128.shuffle<f32>(four, four, 1, 1, 1, 1);
    const a2 = v128.shuffle<f32>(four, four, 2, 2, 2, 2), a3 = v128.shuffle<f32>(four, four, 3, 3, 3, 3);
    c00 = madd(a0, b0, c00), c01 = madd(a0, b1, c01);
    c10 = madd(a1, b0, c10), c11 = madd(a1, b1, c11);
    c20 = madd(a2, b0, c20), c21 = madd(a2, b1, c21);
    c30 = madd(a3, b0, c30), c31 = madd(a3, b1, c31);
  }
  v128.store(c, c00), v128.store(c, c01, 16), v128.store(c, c10, 32), v128.store(c, c11, 48);
  v128.store(c, c20, 64), v128.store(c, c21, 80), v128.store(c, c30, 96), v128.store(c, c31, 112);
}

/**
 * Turns the scores of four rows with `count` keys into e^(score - largest), and rescales the earlier sums accordingly.
 */
function softmaxLanes(
  a: AttentionArguments,
  tile: Tile,
  block: Block,
  count: i32,
  row: i32,
  scores: usize,
  sums: usize,
): void {
  const end = scores + <usize> count * PANEL_BYTES;
  const lanes = <usize> row << 2;
  const before = v128.load(<usize> tile.maxima + lanes);
  const positions = v128.load(<usize> tile.positions + lanes);
  const slopes = v128.load(<usize> tile.slopes + lanes);
  // A largest score of NaN remains NaN, and `finishRow` makes the row NaN.
  const largest = f32x4.max(before, biasRows(a, block, positions, slopes, scores, end, PANEL_BYTES));
  v128.store(<usize> tile.maxima + lanes, largest);
  // While all keys are hidden, the largest score is LOWEST, and so are the scores that it is subtracted from.
  const isSeen = f32x4.gt(largest, f32x4.splat(LOWEST));
  let total = f32x4.splat(0);
  for (; scores < end; scores += PANEL_BYTES) {
    const weight = v128.and(expWeight(f32x4.sub(v128.load(scores), largest)), isSeen);
    v128.store(scores, weight);
    total = f32x4.add(total, weight);
  }
  const rescale = expWeight(f32x4.sub(before, largest));
  const totals = <usize> tile.totals + lanes;
  v128.store(totals, madd(v128.load(totals), rescale, total));
  if (!v128.any_true(f32x4.ne(rescale, f32x4.splat(1)))) return;
  for (const last = sums + <usize> tile.paddedDim * PANEL_BYTES; sums < last; sums += PANEL_BYTES) {
    v128.store(sums, f32x4.mul(v128.load(sums), rescale));
  }
}

/** Packs keys by fours: [4 keys][dim][4]; the last four may repeat the last key. */
function packKeys(keys: usize, stride: usize, count: i32, dim: i32, packed: usize): void {
  const last = keys + <usize> (count - 1) * stride;
  for (let key = 0; key < count; key += 4) {
    let a = keys + <usize> key * stride;
    let b = min<usize>(a + stride, last);
    let c = min<usize>(b + stride, last);
    let d = min<usize>(c + stride, last);
    const end = a + (<usize> dim << 2);
    for (const vectors = a + (<usize> (dim & ~3) << 2); a < vectors; a += 16, b += 16, c += 16, d += 16, packed += 64) {
      const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
      const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
      const ef = v128.shuffle<f32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
      v128.store(packed, v128.shuffle<i64>(ab, cd, 0, 2));
      v128.store(packed, v128.shuffle<i64>(ab, cd, 1, 3), 16);
      v128.store(packed, v128.shuffle<i64>(ef, gh, 0, 2), 32);
      v128.store(packed, v128.shuffle<i64>(ef, gh, 1, 3), 48);
    }
    for (; a < end; a += 4, b += 4, c += 4, d += 4, packed += 16) {
      store<f32>(packed, load<f32>(a));
      store<f32>(packed, load<f32>(b), 4);
      store<f32>(packed, load<f32>(c), 8);
      store<f32>(packed, load<f32>(d), 12);
    }
  }
}

/**
 * Packs values by fours of features: [4 features][BLOCK keys][4]. Features beyond the last are not set: their sums are
 * not read.
 */
function packValues(values: usize, stride: usize, count: i32, dim: i32, packed: usize): void {
  for (let key = 0; key < count; key++, values += stride, packed += 16) {
    let from = values;
    let to = packed;
    for (const vectors = from + (<usize> (dim & ~3) << 2); from < vectors; from += 16, to += BLOCK << 4) {
      v128.store(to, v128.load(from));
    }
    if (dim & 3) memory.copy(to, from, <usize> (dim & 3) << 2);
  }
}
