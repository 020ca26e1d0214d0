import { lanes } from "../common/math";

/*
 * The random numbers of sampling, as `engine/reference/random.ts` defines them for every engine. Multiplications and
 * additions are never fused here, so that each build rounds alike.
 */

/** `acceptDraft` xors its seed with this one, because its numbers must be independent of those that made the draft. */
export const RESIDUAL_SEED: u32 = 0x9e3779b9;
/** See `RESIDUAL_SEED`. */
export const ACCEPT_SEED: u32 = 0x85ebca6b;

/**
 * Writes the words x, y, z and w of the hash pcg4d (Jarzynski and Olano 2020) of four tokens to `to`, four lanes each.
 */
function pcg4d(seed: u32, counter: u32, row: u32, tokens: v128, to: usize): void {
  let x = i32x4.splat(seed * 1664525 + 1013904223);
  let y = i32x4.splat(counter * 1664525 + 1013904223);
  let z = i32x4.splat(row * 1664525 + 1013904223);
  let w = i32x4.add(i32x4.mul(tokens, i32x4.splat(1664525)), i32x4.splat(1013904223));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  x = v128.xor(x, i32x4.shr_u(x, 16));
  y = v128.xor(y, i32x4.shr_u(y, 16));
  z = v128.xor(z, i32x4.shr_u(z, 16));
  w = v128.xor(w, i32x4.shr_u(w, 16));
  x = i32x4.add(x, i32x4.mul(y, w));
  y = i32x4.add(y, i32x4.mul(z, x));
  z = i32x4.add(z, i32x4.mul(x, y));
  w = i32x4.add(w, i32x4.mul(y, z));
  v128.store(to, x);
  v128.store(to, y, 16);
  v128.store(to, z, 32);
  v128.store(to, w, 48);
}

/** A number from 0 to 1 - 2⁻²⁴. */
export function uniform(seed: u32, counter: u32, row: u32, token: u32, scratch: usize): f32 {
  pcg4d(seed, counter, row, i32x4.splat(token), scratch);
  return <f32> (load<u32>(scratch) >> 8) * <f32> 5.9604644775390625e-8;
}

const TWO_TO_MINUS_24 = memory.data<f32>([5.9604644775390625e-8]);
const TWO_TO_MINUS_47 = memory.data<f32>([7.105427357601002e-15]);
const HIGHEST_UNIFORM = memory.data<f32>([0.999999940395355225]);
const HALF = memory.data<f32>([0.5]);
const ONE = memory.data<f32>([1]);
const SQRT_HALF = memory.data<f32>([0.7071067811865476]);
const ONE_LESS_SQRT_HALF = memory.data<f32>([0.29289321881345254]);

/** Exponential numbers of four tokens. */
// @ts-ignore: decorator
@inline
export function exponentials(seed: u32, counter: u32, row: u32, tokens: v128, scratch: usize): v128 {
  pcg4d(seed, counter, row, tokens, scratch);
  const high = f32x4.convert_i32x4_u(i32x4.shr_u(v128.load(scratch), 8));
  const low = f32x4.add(f32x4.convert_i32x4_u(i32x4.shr_u(v128.load(scratch, 16), 9)), lanes(HALF));
  const sum = f32x4.add(f32x4.mul(high, lanes(TWO_TO_MINUS_24)), f32x4.mul(low, lanes(TWO_TO_MINUS_47)));
  const v = f32x4.pmin(lanes(HIGHEST_UNIFORM), sum);
  // -log(1 - v): for small v the argument of log1p is -v itself.
  const rest = f32x4.sub(lanes(ONE), v);
  const isSmall = f32x4.le(v, lanes(ONE_LESS_SQRT_HALF));
  const f = v128.bitselect(f32x4.neg(v), f32x4.sub(mantissaOf(rest), lanes(ONE)), isSmall);
  return f32x4.neg(log1p(f, v128.andnot(exponentOf(rest), isSmall)));
}

/** log x for normal x > 0: x = m·2ᵉ with m from √½ to √2. */
// @ts-ignore: decorator
@inline
export function raceLog(x: v128): v128 {
  return log1p(f32x4.sub(mantissaOf(x), lanes(ONE)), exponentOf(x));
}

const MANTISSA_BITS = memory.data<u32>([0x007fffff]);
const HALF_BITS = memory.data<u32>([0x3f000000]);
const HALF_EXPONENT = memory.data<i32>([126]);

/** The mantissa as a number from ½ to 1. */
// @ts-ignore: decorator
@inline
function fractionOf(x: v128): v128 {
  return v128.or(v128.and(x, lanes(MANTISSA_BITS)), lanes(HALF_BITS));
}

// @ts-ignore: decorator
@inline
function mantissaOf(x: v128): v128 {
  const fraction = fractionOf(x);
  return f32x4.add(fraction, v128.and(fraction, f32x4.lt(fraction, lanes(SQRT_HALF))));
}

// @ts-ignore: decorator
@inline
function exponentOf(x: v128): v128 {
  const exponent = i32x4.sub(i32x4.shr_u(x, 23), lanes(HALF_EXPONENT));
  return f32x4.convert_i32x4_s(i32x4.add(exponent, f32x4.lt(fractionOf(x), lanes(SQRT_HALF)))); // a true lane is -1
}

const LOG_C8 = memory.data<f32>([7.0376836292e-2]);
const LOG_C7 = memory.data<f32>([-1.1514610310e-1]);
const LOG_C6 = memory.data<f32>([1.1676998740e-1]);
const LOG_C5 = memory.data<f32>([-1.2420140846e-1]);
const LOG_C4 = memory.data<f32>([1.4249322787e-1]);
const LOG_C3 = memory.data<f32>([-1.6668057665e-1]);
const LOG_C2 = memory.data<f32>([2.0000714765e-1]);
const LOG_C1 = memory.data<f32>([-2.4999993993e-1]);
const LOG_C0 = memory.data<f32>([3.3333331174e-1]);
/** log 2 in two parts. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);

/** log(1 + f) + e·log 2 for f from √½ - 1 to √2 - 1, by the polynomial of Cephes' logf (S. Moshier). */
// @ts-ignore: decorator
@inline
function log1p(f: v128, e: v128): v128 {
  const square = f32x4.mul(f, f);
  let y = f32x4.add(f32x4.mul(lanes(LOG_C8), f), lanes(LOG_C7));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C6));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C5));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C4));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C3));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C2));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C1));
  y = f32x4.add(f32x4.mul(y, f), lanes(LOG_C0));
  y = f32x4.mul(f32x4.mul(y, f), square);
  y = f32x4.add(y, f32x4.mul(e, lanes(LN2_LOW)));
  y = f32x4.sub(y, f32x4.mul(square, lanes(HALF)));
  return f32x4.add(f32x4.add(f, y), f32x4.mul(e, lanes(LN2_HIGH)));
}

/** No token: the result of `winner` if no lane has one. */
export const NOBODY: i32 = -1;

/** The token of the highest score of four lanes, the lowest among equals; lanes whose token is `NOBODY` don't count. */
export function winner(scores: v128, tokens: v128, scratch: usize): i32 {
  v128.store(scratch, scores);
  v128.store(scratch, tokens, 16);
  let best: f32 = 0;
  let token = NOBODY;
  for (let lane = scratch; lane < scratch + 16; lane += 4) {
    const score = load<f32>(lane);
    const candidate = load<i32>(lane, 16);
    if (candidate === NOBODY) continue;
    if (token === NOBODY || score > best || (score === best && candidate < token)) {
      best = score;
      token = candidate;
    }
  }
  return token;
}
