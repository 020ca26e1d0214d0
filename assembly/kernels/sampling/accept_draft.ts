import { Address } from "../common/fields";
import { exp } from "../common/math";
import { sumLanes } from "../common/simd";
import { LOWEST, maxRow } from "../softmax/softmax";
import { ACCEPT_SEED, exponentials, NOBODY, RESIDUAL_SEED, uniform, winner } from "./random";
import { canDraw, scaled } from "./scaled_logits";

// @ts-ignore: decorator
@unmanaged
export class AcceptDraftArguments {
  /** The model's logits [drafted + 1, width]. */
  target: Address;
  /** The draft's logits [drafted, width]. */
  draft: Address;
  /** Drafted token ids [drafted]. */
  tokens: Address;
  /** How many are accepted, and the token that follows them. */
  out: Address;
  drafted: i32;
  width: i32;
  /** 1 / temperature. */
  inverse: f32;
  seed: u32;
  counter: u32;
}

/**
 * The acceptance step of speculative decoding (arXiv 2211.17192, algorithm 1), by one thread: token i of the draft is
 * accepted with probability min(1, p/q); the first rejected one is replaced by a draw from max(0, p - q), and the last
 * accepted one is followed by a draw from p. The draw is `NOBODY` if its row has nothing to draw.
 */
export function acceptDraft(a: AcceptDraftArguments, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  const drafted = a.drafted;
  const width = a.width;
  const inverse = a.inverse;
  const seed = a.seed;
  const counter = a.counter;
  const stride = <usize> width << 2;
  let accepted = 0;
  let next = NOBODY;
  for (; accepted <= drafted; accepted++) {
    const p = a.target + accepted * stride;
    const pLargest = maxRow(p, width);
    if (!canDraw(pLargest)) break;
    const pScale = inverseTotal(p, width, pLargest, inverse);
    const own = seed ^ RESIDUAL_SEED;
    if (accepted === drafted) {
      next = race(p, pLargest, pScale, 0, 0, 0, width, inverse, own, counter, accepted, scratch);
      break;
    }
    const q = a.draft + accepted * stride;
    const qLargest = maxRow(q, width);
    if (!canDraw(qLargest)) break;
    const qScale = inverseTotal(q, width, qLargest, inverse);
    const token = load<u32>(a.tokens + (<usize> accepted << 2));
    const u = uniform(seed ^ ACCEPT_SEED, counter, accepted, 0, scratch);
    if (
      token < <u32> width &&
      u * (weight(q, token, qLargest, inverse) * qScale) < weight(p, token, pLargest, inverse) * pScale
    ) continue;
    next = race(p, pLargest, pScale, q, qLargest, qScale, width, inverse, own, counter, accepted, scratch);
    // p and q differ by rounding only, so there is no residual to draw from.
    if (next === NOBODY) next = race(p, pLargest, pScale, 0, 0, 0, width, inverse, own, counter, accepted, scratch);
    break;
  }
  store<i32>(a.out, accepted);
  store<i32>(a.out, next, 4);
}

/** e^((logits - largest) / temperature), 0 for hidden ones. */
// @ts-ignore: decorator
@inline
function weights(values: v128, largest: v128, inverse: v128): v128 {
  return v128.and(exp(scaled(values, largest, inverse)), f32x4.gt(values, f32x4.splat(LOWEST)));
}

function weight(logits: usize, token: u32, largest: f32, inverse: f32): f32 {
  const logit = v128.load32_splat(logits + (<usize> token << 2));
  return f32x4.extract_lane(weights(logit, f32x4.splat(largest), f32x4.splat(inverse)), 0);
}

/** Vectors summed in f32 before their sum is added to the f64 total, so that long rows lose no precision. */
const SUM_BLOCK = 256;

/** 1 / Σ of the weights of a row. */
function inverseTotal(logits: usize, width: i32, largest: f32, inverse: f32): f32 {
  const shift = f32x4.splat(largest);
  const inverses = f32x4.splat(inverse);
  const vectors = logits + (<usize> (width & ~3) << 2);
  let sum: f64 = 0;
  for (let token = width & ~3; token < width; token++) sum += <f64> weight(logits, token, largest, inverse);
  while (logits < vectors) {
    let partial = f32x4.splat(0);
    for (const block = min<usize>(logits + SUM_BLOCK * 16, vectors); logits < block; logits += 16) {
      partial = f32x4.add(partial, weights(v128.load(logits), shift, inverses));
    }
    sum += <f64> sumLanes(partial);
  }
  return 1 / <f32> sum;
}

/** Draws from max(0, p - q), or from p if there is no q; `NOBODY` if that is 0 everywhere. */
function race(
  p: usize,
  pLargest: f32,
  pScale: f32,
  q: usize,
  qLargest: f32,
  qScale: f32,
  width: i32,
  inverse: f32,
  seed: u32,
  counter: u32,
  row: u32,
  scratch: usize,
): i32 {
  const inverses = f32x4.splat(inverse);
  let best = f32x4.splat(0);
  let winners = i32x4.splat(NOBODY);
  let tokens = i32x4(0, 1, 2, 3);
  for (let i = 0; i < width; i += 4, p += 16) {
    let chances = f32x4.mul(weights(v128.load(p), f32x4.splat(pLargest), inverses), f32x4.splat(pScale));
    if (q) {
      const drafted = f32x4.mul(weights(v128.load(q), f32x4.splat(qLargest), inverses), f32x4.splat(qScale));
      chances = f32x4.sub(chances, drafted);
      q += 16;
    }
    const isPossible = v128.and(f32x4.gt(chances, f32x4.splat(0)), i32x4.lt_s(tokens, i32x4.splat(width)));
    if (v128.any_true(isPossible)) {
      const speeds = f32x4.div(chances, exponentials(seed, counter, row, tokens, scratch));
      const isBetter = v128.and(f32x4.gt(speeds, best), isPossible);
      best = v128.bitselect(speeds, best, isBetter);
      winners = v128.bitselect(tokens, winners, isBetter);
    }
    tokens = i32x4.add(tokens, i32x4.splat(4));
  }
  return winner(best, winners, scratch);
}
