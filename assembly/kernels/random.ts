/*
 * The random numbers of sampling, as `tests/reference/random.ts` defines them for every engine. Multiplications and additions are
 * never fused here, so that each build rounds alike.
 */

/** What `acceptDraft` changes in its seed: its numbers must be independent of those that made the draft. */
export const RESIDUAL_SEED: u32 = 0x9e3779b9;
/** See `RESIDUAL_SEED`. */
export const ACCEPT_SEED: u32 = 0x85ebca6b;

/** The hash pcg4d (Jarzynski and Olano 2020) of four tokens: its words x, y, z and w are written to `to`, four lanes each. */
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

/** Exponential numbers of four tokens. */
export function exponentials(seed: u32, counter: u32, row: u32, tokens: v128, scratch: usize): v128 {
  pcg4d(seed, counter, row, tokens, scratch);
  const high = f32x4.convert_i32x4_u(i32x4.shr_u(v128.load(scratch), 8));
  const low = f32x4.add(f32x4.convert_i32x4_u(i32x4.shr_u(v128.load(scratch, 16), 9)), f32x4.splat(0.5));
  // high · 2⁻²⁴ + low · 2⁻⁴⁷, at most 1 - 2⁻²⁴
  const sum = f32x4.add(
    f32x4.mul(high, f32x4.splat(5.9604644775390625e-8)),
    f32x4.mul(low, f32x4.splat(7.105427357601002e-15)),
  );
  const v = f32x4.min(sum, f32x4.splat(0.999999940395355225));
  const near = log1p(f32x4.neg(v), f32x4.splat(0));
  const far = raceLog(f32x4.sub(f32x4.splat(1), v));
  return f32x4.neg(v128.bitselect(near, far, f32x4.le(v, f32x4.splat(0.29289321881345254))));
}

/** log x for normal x > 0: x = m·2ᵉ with m from √½ to √2. */
export function raceLog(x: v128): v128 {
  const mantissa = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000)); // ½ ≤ m < 1
  const isLow = f32x4.lt(mantissa, f32x4.splat(0.7071067811865476));
  const m = f32x4.add(mantissa, v128.and(mantissa, isLow));
  const exponent = i32x4.add(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)), isLow); // a true lane is -1
  return log1p(f32x4.sub(m, f32x4.splat(1)), f32x4.convert_i32x4_s(exponent));
}

/** log(1 + f) + e·log 2 for f from √½ - 1 to √2 - 1, by the polynomial of Cephes' logf (S. Moshier). */
function log1p(f: v128, e: v128): v128 {
  const square = f32x4.mul(f, f);
  let y = f32x4.splat(7.0376836292e-2);
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.1514610310e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1.1676998740e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.2420140846e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(1.4249322787e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-1.6668057665e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(2.0000714765e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(-2.4999993993e-1));
  y = f32x4.add(f32x4.mul(y, f), f32x4.splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, f), square);
  y = f32x4.add(y, f32x4.mul(e, f32x4.splat(-2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(f, y), f32x4.mul(e, f32x4.splat(0.693359375)));
}

/** No token: what `winner` gives where no lane ever had one. */
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
