import { nmadd } from "../common/simd";
import { LOWEST } from "../softmax/softmax";
import { AttentionArguments } from "./attention_arguments";
import { Block } from "./attention_blocks";

/*
 * What happens to a score between the product and the softmax: the ALiBi bias (arXiv 2108.12409) is added, and hidden
 * keys are set to LOWEST. Kernels keep scores in three ways: one at a time, those of four keys in lanes, those of four
 * query rows in lanes. Scores of learned keys stay.
 */

/** A head's ALiBi slope, 0 if there is none. */
export function slopeOf(a: AttentionArguments, head: i32): f32 {
  return a.slopes ? load<f32>(a.slopes + (<usize> head << 2)) : 0;
}

/** The score of a key that the query of a head sees; learned keys have no position. */
export function biasScore(
  a: AttentionArguments,
  score: f32,
  isLearned: bool,
  head: i32,
  query: i32,
  key: i32,
): f32 {
  return isLearned ? score : score - slopeOf(a, head) * <f32> abs<i32>(query - key);
}

/** Scores of a query row with `count` keys of a block: [key]. The places behind them, up to four, are hidden too. */
export function biasKeys(
  a: AttentionArguments,
  block: Block,
  head: i32,
  query: i32,
  count: i32,
  scores: usize,
): void {
  const padded = count + 3 & ~3;
  for (let key = count; key < padded; key++) store<f32>(scores + (<usize> key << 2), LOWEST);
  if (block.isMemory) return;
  const slope = slopeOf(a, head);
  if (slope !== 0) {
    const slopes = f32x4.splat(slope);
    const first = <f32> (query - block.position);
    let distance = f32x4(first, first - 1, first - 2, first - 3);
    for (let at = scores; at < scores + (<usize> padded << 2); at += 16) {
      v128.store(at, nmadd(slopes, f32x4.abs(distance), v128.load(at)));
      distance = f32x4.sub(distance, f32x4.splat(4));
    }
  }
  if (!block.mask) return;
  for (let key: usize = 0; key < <usize> count << 2; key += 4) {
    if (load<i32>(<usize> block.mask + key) === 0) store<f32>(scores + key, LOWEST);
  }
}

/**
 * Scores of four query rows with keys of a block: [key][rows], `stride` bytes from key to key, up to `end`. Gives the
 * largest of each row, or NaN if one is.
 */
export function biasRows(
  a: AttentionArguments,
  block: Block,
  queries: v128,
  slopes: v128,
  scores: usize,
  end: usize,
  stride: usize,
): v128 {
  if (block.isMemory) return largestScores(scores, end, stride);
  const isFuture = a.isCausal !== 0 && block.position + block.count - 1 > i32x4.extract_lane(queries, 0);
  if (isFuture || block.mask !== 0) hideScores(queries, block, isFuture, scores, end, stride);
  if (!v128.any_true(f32x4.ne(slopes, f32x4.splat(0)))) return largestScores(scores, end, stride);
  const one = f32x4.splat(1);
  let distance = f32x4.convert_i32x4_s(i32x4.sub(queries, i32x4.splat(block.position)));
  let largest = f32x4.splat(LOWEST);
  let isNaN = f32x4.splat(0);
  for (; scores < end; scores += stride) {
    // A hidden score stays: LOWEST minus a distance is LOWEST again.
    const score = nmadd(slopes, f32x4.abs(distance), v128.load(scores));
    v128.store(scores, score);
    largest = f32x4.pmax(largest, score);
    isNaN = v128.or(isNaN, f32x4.ne(score, score));
    distance = f32x4.sub(distance, one);
  }
  return v128.or(largest, isNaN);
}

function largestScores(scores: usize, end: usize, stride: usize): v128 {
  let largest = f32x4.splat(LOWEST);
  let isNaN = f32x4.splat(0);
  for (; scores < end; scores += stride) {
    const score = v128.load(scores);
    largest = f32x4.pmax(largest, score);
    isNaN = v128.or(isNaN, f32x4.ne(score, score));
  }
  // Lanes with all bits set are NaN.
  return v128.or(largest, isNaN);
}

/** Sets the scores of later keys, if `isFuture`, and of masked ones to LOWEST. */
function hideScores(queries: v128, block: Block, isFuture: bool, scores: usize, end: usize, stride: usize): void {
  let mask: usize = block.mask;
  // If no key is in the future, the comparison below must hide none.
  let key = i32x4.splat(isFuture ? block.position : i32.MIN_VALUE);
  for (; scores < end; scores += stride) {
    let isHidden = i32x4.lt_s(queries, key);
    if (mask) {
      isHidden = v128.or(isHidden, i32x4.eq(v128.load32_splat(mask), i32x4.splat(0)));
      mask += 4;
    }
    v128.store(scores, v128.bitselect(f32x4.splat(LOWEST), v128.load(scores), isHidden));
    key = i32x4.add(key, i32x4.splat(1));
  }
}
