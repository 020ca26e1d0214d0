import { madd, nmadd } from "./simd";

/*
 * Functions of four lanes. Polynomials are minimax fits (weighted least squares, Lawson's iteration) in float64, their
 * coefficients rounded to f32; the GPU kernels have the same ones. `tests/wasm/math_test.ts` measures errors against
 * float64 over the whole range.
 *
 * Constants lie in memory because V8 builds a constant vector for every use, in three instructions. A load that spreads
 * one value takes one, and needs no check because its address is constant.
 */

/** A constant in all lanes. */
// @ts-ignore: decorator
@inline
export function lanes(constant: usize): v128 {
  return v128.load32_splat(constant);
}

const ONE = memory.data<f32>([1]);
const INFINITY = memory.data<f32>([Infinity]);
const LOG2_E = memory.data<f32>([1.4426950408889634]);
/** ln 2 in two parts, the first with so few bits that n times it is exact. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440054690583e-4]);

// Beyond these e^x is 0 and infinity.
const EXP_LOWEST = memory.data<f32>([-105]);
const EXP_HIGHEST = memory.data<f32>([89]);
/** (e^r - 1 - r) / r² for |r| up to ln 2 / 2, relative error 3e-9. */
const EXP_P4 = memory.data<f32>([0.0013814596459269524]);
const EXP_P3 = memory.data<f32>([0.0083687175065279]);
const EXP_P2 = memory.data<f32>([0.04166838899254799]);
const EXP_P1 = memory.data<f32>([0.1666652113199234]);
const EXP_P0 = memory.data<f32>([0.4999999403953552]);
const EXPONENT_BIAS = memory.data<i32>([127]);

/** e^x: 0 below -104, infinity above 88.73, NaN for NaN; relative error below 2e-7. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, lanes(EXP_LOWEST)), lanes(EXP_HIGHEST));
  // x = n·ln 2 + r, |r| <= ln 2 / 2
  const n = f32x4.nearest(f32x4.mul(x, lanes(LOG2_E)));
  const r = nmadd(n, lanes(LN2_LOW), nmadd(n, lanes(LN2_HIGH), x));
  // e^r = 1 + r + r²·P(r)
  let p = madd(lanes(EXP_P4), r, lanes(EXP_P3));
  p = madd(p, r, lanes(EXP_P2));
  p = madd(p, r, lanes(EXP_P1));
  p = madd(p, r, lanes(EXP_P0));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), lanes(ONE));
  // 2^n as two factors, for n = 128 and for denormal results.
  const power = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(power, 1);
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(power, half)));
}

// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, lanes(EXPONENT_BIAS)), 23);
}

/** Lowest argument of `expWeight`: e^x is negligible beside a weight of 1, and not yet denormal. */
const WEIGHT_LOWEST = memory.data<f32>([-86]);
/** Adding 1.5 · 2²³ rounds to a whole number, which the low bits of the sum then hold. */
const ROUNDER = memory.data<f32>([12582912]);
const LN2 = memory.data<f32>([0.6931471805599453]);

/** e^x for x <= 0, for weights of a softmax: e^-86 below -86, relative error below 1e-6, half the work of `exp`. */
// @ts-ignore: decorator
@inline
export function expWeight(x: v128): v128 {
  x = f32x4.pmax(lanes(WEIGHT_LOWEST), x);
  const rounded = madd(x, lanes(LOG2_E), lanes(ROUNDER));
  const r = nmadd(f32x4.sub(rounded, lanes(ROUNDER)), lanes(LN2), x);
  let p = madd(lanes(EXP_P4), r, lanes(EXP_P3));
  p = madd(p, r, lanes(EXP_P2));
  p = madd(p, r, lanes(EXP_P1));
  p = madd(p, r, lanes(EXP_P0));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), lanes(ONE));
  // Times 2^n: n is added to the exponent's bits.
  return i32x4.add(p, i32x4.shl(rounded, 23));
}

const SMALLEST_NORMAL = memory.data<f32>([1.17549435e-38]);
const TWO_TO_23 = memory.data<f32>([8388608]);
const TWENTY_THREE = memory.data<i32>([23]);
const SQRT_HALF_BITS = memory.data<i32>([0x3f3504f3]);
const MANTISSA_BITS = memory.data<i32>([0x7fffff]);
/** (2·artanh(s) - 2s) / s³ by s², for s up to 0.1716, relative error 8e-10. */
const LOG_R2 = memory.data<f32>([0.2987459897994995]);
const LOG_R1 = memory.data<f32>([0.399774432182312]);
const LOG_R0 = memory.data<f32>([0.6666677594184875]);

/** Natural logarithm: -infinity at 0, NaN below; error below 2e-7, relative or absolute. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  // Denormals are scaled into the normal range first.
  const isTiny = f32x4.lt(x, lanes(SMALLEST_NORMAL));
  const lifted = v128.bitselect(f32x4.mul(x, lanes(TWO_TO_23)), x, isTiny);
  // x = 2^n·m, m from √½ to √2
  const offset = i32x4.sub(lifted, lanes(SQRT_HALF_BITS));
  const exponent = i32x4.sub(i32x4.shr_s(offset, 23), v128.and(isTiny, lanes(TWENTY_THREE)));
  const n = f32x4.convert_i32x4_s(exponent);
  const m = i32x4.add(v128.and(offset, lanes(MANTISSA_BITS)), lanes(SQRT_HALF_BITS));
  // log m = 2·artanh(s) = 2s + s³·R(s²), s = (m - 1) / (m + 1)
  const s = f32x4.div(f32x4.sub(m, lanes(ONE)), f32x4.add(m, lanes(ONE)));
  const z = f32x4.mul(s, s);
  const r = madd(madd(lanes(LOG_R2), z, lanes(LOG_R1)), z, lanes(LOG_R0));
  let result = madd(f32x4.mul(s, z), r, f32x4.mul(n, lanes(LN2_LOW)));
  result = madd(n, lanes(LN2_HIGH), f32x4.add(result, f32x4.add(s, s)));
  result = v128.bitselect(f32x4.neg(lanes(INFINITY)), result, f32x4.eq(x, f32x4.splat(0)));
  // Infinity and NaN stay as they are, negative numbers become NaN.
  result = v128.bitselect(result, x, f32x4.lt(x, lanes(INFINITY)));
  return v128.bitselect(f32x4.splat(NaN), result, f32x4.lt(x, f32x4.splat(0)));
}

/** erf is 1 in f32 from here on. */
const ERF_ONE = memory.data<f32>([4]);
const ERF_NEAR = memory.data<f32>([0.9375]);
/** erf(x) / x - 1 by x², up to ERF_NEAR, error 2e-8. */
const ERF_P5 = memory.data<f32>([-0.0005943142459727824]);
const ERF_P4 = memory.data<f32>([0.004984378814697266]);
const ERF_P3 = memory.data<f32>([-0.02676110714673996]);
const ERF_P2 = memory.data<f32>([0.11281681805849075]);
const ERF_P1 = memory.data<f32>([-0.3761248290538788]);
const ERF_P0 = memory.data<f32>([0.12837915122509003]);
/** log(1 - erf(x)) beyond; error of erf 2e-8. */
const ERF_Q5 = memory.data<f32>([-0.0012131152907386422]);
const ERF_Q4 = memory.data<f32>([0.015279379673302174]);
const ERF_Q3 = memory.data<f32>([-0.09019902348518372]);
const ERF_Q2 = memory.data<f32>([-0.6521027684211731]);
const ERF_Q1 = memory.data<f32>([-1.1192173957824707]);
const ERF_Q0 = memory.data<f32>([-0.002152419649064541]);
const SIGN_BIT = memory.data<u32>([0x80000000]);

/** The error function; absolute error below 1.2e-7. */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const a = f32x4.min(f32x4.abs(x), lanes(ERF_ONE));
  const z = f32x4.mul(a, a);
  let p = madd(lanes(ERF_P5), z, lanes(ERF_P4));
  p = madd(p, z, lanes(ERF_P3));
  p = madd(p, z, lanes(ERF_P2));
  p = madd(p, z, lanes(ERF_P1));
  p = madd(p, z, lanes(ERF_P0));
  const near = madd(p, a, a);
  let q = madd(lanes(ERF_Q5), a, lanes(ERF_Q4));
  q = madd(q, a, lanes(ERF_Q3));
  q = madd(q, a, lanes(ERF_Q2));
  q = madd(q, a, lanes(ERF_Q1));
  q = madd(q, a, lanes(ERF_Q0));
  const far = f32x4.sub(lanes(ONE), exp(q));
  const magnitude = v128.bitselect(near, far, f32x4.lt(a, lanes(ERF_NEAR)));
  return v128.or(magnitude, v128.and(x, lanes(SIGN_BIT)));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(lanes(ONE), f32x4.add(lanes(ONE), exp(f32x4.neg(x))));
}
