import { madd, nmadd } from "./simd";

/*
 * Functions of four lanes. Polynomials are minimax fits (weighted least squares, Lawson's iteration) in float64, their coefficients
 * rounded to f32; the GPU kernels have the same ones. Errors are measured against float64 over the whole range by
 * tests/wasm/math.test.ts.
 */

/** e^x: 0 below -104, infinity above 88.73, NaN for NaN; relative error below 2e-7. */
export function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-105)), f32x4.splat(89));
  // x = n·ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first with so few bits that n times it is exact.
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.4426950408889634)));
  let r = nmadd(n, f32x4.splat(0.693359375), x);
  r = nmadd(n, f32x4.splat(-2.12194440054690583e-4), r);
  // e^r = 1 + r + r²·P(r)
  let p = madd(f32x4.splat(0.0013814596459269524), r, f32x4.splat(0.0083687175065279));
  p = madd(p, r, f32x4.splat(0.04166838899254799));
  p = madd(p, r, f32x4.splat(0.1666652113199234));
  p = madd(p, r, f32x4.splat(0.4999999403953552));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  // 2^n as two factors, for n = 128 and for denormal results.
  const power = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(power, 1);
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(power, half)));
}

// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** Natural logarithm: -infinity at 0, NaN below; error below 2e-7, relative or absolute. */
export function log(x: v128): v128 {
  // Denormals are lifted into the normal range first.
  const isTiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const lifted = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, isTiny);
  // x = 2^n·m, m from √½ to √2
  const offset = i32x4.sub(lifted, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.sub(i32x4.shr_s(offset, 23), v128.and(isTiny, i32x4.splat(23)));
  const n = f32x4.convert_i32x4_s(exponent);
  const m = i32x4.add(v128.and(offset, i32x4.splat(0x7fffff)), i32x4.splat(0x3f3504f3));
  // log m = 2·artanh(s) = 2s + s³·R(s²), s = (m - 1) / (m + 1)
  const s = f32x4.div(f32x4.sub(m, f32x4.splat(1)), f32x4.add(m, f32x4.splat(1)));
  const z = f32x4.mul(s, s);
  let r = madd(f32x4.splat(0.2987459897994995), z, f32x4.splat(0.399774432182312));
  r = madd(r, z, f32x4.splat(0.6666677594184875));
  let result = madd(f32x4.mul(s, z), r, f32x4.mul(n, f32x4.splat(-2.12194440054690583e-4)));
  result = f32x4.add(result, f32x4.add(s, s));
  result = madd(n, f32x4.splat(0.693359375), result);
  result = v128.bitselect(f32x4.splat(-Infinity), result, f32x4.eq(x, f32x4.splat(0)));
  // Infinity and NaN give themselves, negative numbers NaN.
  result = v128.bitselect(result, x, f32x4.lt(x, f32x4.splat(Infinity)));
  return v128.bitselect(f32x4.splat(NaN), result, f32x4.lt(x, f32x4.splat(0)));
}

/** The error function; absolute error below 1.2e-7. */
export function erf(x: v128): v128 {
  const a = f32x4.min(f32x4.abs(x), f32x4.splat(4));
  const z = f32x4.mul(a, a);
  // Up to 0.9375: x + x·P(x²).
  let p = madd(f32x4.splat(-0.0005943142459727824), z, f32x4.splat(0.004984378814697266));
  p = madd(p, z, f32x4.splat(-0.02676110714673996));
  p = madd(p, z, f32x4.splat(0.11281681805849075));
  p = madd(p, z, f32x4.splat(-0.3761248290538788));
  p = madd(p, z, f32x4.splat(0.12837915122509003));
  const near = madd(p, a, a);
  // Beyond: 1 - e^Q(x), Q a fit of log erfc; 1 in f32 from 4 on.
  let q = madd(f32x4.splat(-0.0012131152907386422), a, f32x4.splat(0.015279379673302174));
  q = madd(q, a, f32x4.splat(-0.09019902348518372));
  q = madd(q, a, f32x4.splat(-0.6521027684211731));
  q = madd(q, a, f32x4.splat(-1.1192173957824707));
  q = madd(q, a, f32x4.splat(-0.002152419649064541));
  const far = f32x4.sub(f32x4.splat(1), exp(q));
  const magnitude = v128.bitselect(near, far, f32x4.lt(a, f32x4.splat(0.9375)));
  const sign = v128.and(x, i32x4.splat(0x80000000));
  return v128.or(magnitude, sign);
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}
