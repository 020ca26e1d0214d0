import { exp } from "./math";
import { ACCEPT_SEED, exponentials, NOBODY, RESIDUAL_SEED, uniform, winner } from "./random";
import { LOWEST, maxRow, sumExp } from "./softmax";

/**
 * The acceptance step of speculative decoding (arXiv 2211.17192, algorithm 1), by one thread: token i of the draft is accepted with
 * probability min(1, p/q); the first rejected one is replaced by a draw from max(0, p - q), and after the last accepted one comes
 * a draw from p. Arguments: target logits, draft logits, tokens, out, drafted tokens, width, seed, counter.
 */
export function acceptDraft(args: usize, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  const target: usize = load<u32>(args);
  const draft: usize = load<u32>(args, 4);
  const tokens: usize = load<u32>(args, 8);
  const out: usize = load<u32>(args, 12);
  const drafted = load<i32>(args, 16);
  const width = load<i32>(args, 20);
  const seed = load<u32>(args, 24);
  const counter = load<u32>(args, 28);
  const stride = <usize> width << 2;
  let accepted = 0;
  let next = NOBODY;
  for (; accepted < drafted; accepted++) {
    const p = target + accepted * stride;
    const q = draft + accepted * stride;
    const token = load<u32>(tokens + (<usize> accepted << 2));
    if (isAccepted(p, q, token, width, uniform(seed ^ ACCEPT_SEED, counter, accepted, 0, scratch))) continue;
    next = race(p, q, width, seed ^ RESIDUAL_SEED, counter, accepted, scratch);
    break;
  }
  // Nothing was rejected; or p and q are equal but for rounding, and there is no residual to draw from.
  if (next === NOBODY) {
    next = race(target + accepted * stride, 0, width, seed ^ RESIDUAL_SEED, counter, accepted, scratch);
  }
  store<i32>(out, accepted);
  store<i32>(out, max<i32>(next, 0), 4);
}

function isAccepted(p: usize, q: usize, token: u32, width: i32, u: f32): bool {
  if (token >= <u32> width) return false;
  return u * probability(q, token, width) < probability(p, token, width);
}

function probability(logits: usize, token: u32, width: i32): f32 {
  const largest = maxRow(logits, width);
  const logit = load<f32>(logits + (<usize> token << 2));
  return f32x4.extract_lane(exp(f32x4.splat(logit - largest)), 0) * inverseTotal(logits, width, largest);
}

/** 1 / Σ e^(x - largest); 0 for a row in which everything is hidden. */
function inverseTotal(logits: usize, width: i32, largest: f32): f32 {
  return largest <= LOWEST ? 0 : 1 / sumExp(logits, width, largest);
}

/** Draws from max(0, p - q), or from p where there is no q; `NOBODY` if that is 0 everywhere. */
function race(p: usize, q: usize, width: i32, seed: u32, counter: u32, row: u32, scratch: usize): i32 {
  const pLargest = maxRow(p, width);
  const pScale = f32x4.splat(inverseTotal(p, width, pLargest));
  const qLargest = q ? maxRow(q, width) : 0;
  const qScale = f32x4.splat(q ? inverseTotal(q, width, qLargest) : 0);
  let best = f32x4.splat(0);
  let winners = i32x4.splat(NOBODY);
  let tokens = i32x4(0, 1, 2, 3);
  for (let i = 0; i < width; i += 4, p += 16) {
    let weights = f32x4.mul(exp(f32x4.sub(v128.load(p), f32x4.splat(pLargest))), pScale);
    if (q) {
      weights = f32x4.sub(weights, f32x4.mul(exp(f32x4.sub(v128.load(q), f32x4.splat(qLargest))), qScale));
      q += 16;
    }
    const isPossible = v128.and(f32x4.gt(weights, f32x4.splat(0)), i32x4.lt_s(tokens, i32x4.splat(width)));
    if (v128.any_true(isPossible)) {
      const speeds = f32x4.div(weights, exponentials(seed, counter, row, tokens, scratch));
      const isBetter = v128.and(f32x4.gt(speeds, best), isPossible);
      best = v128.bitselect(speeds, best, isBetter);
      winners = v128.bitselect(tokens, winners, isBetter);
    }
    tokens = i32x4.add(tokens, i32x4.splat(4));
  }
  return winner(best, winners, scratch);
}
