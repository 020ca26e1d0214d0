import { lanes } from "./math";

/** Bits of an f16's sign, exponent and mantissa after sign extension and a shift by 13. */
export const SHIFTED_BITS = memory.data<u32>([0x8fffffff]);
const TWO_TO_112 = memory.data<f32>([5.192296858534828e33]);
const EXPONENT_BITS = memory.data<u32>([0x7f800000]);
const LARGEST_SHIFTED = memory.data<i32>([0x0f7fe000]);

/**
 * Four f16 values, sign-extended to 32 bits, as f32 · 2^-112: the value of their bits shifted into place, denormals
 * included. (Infinity and NaN come out as 65536 · 2^-112 and more.) `mask` is SHIFTED_BITS in all lanes, which loops
 * load once.
 */
// @ts-ignore: decorator
@inline
export function shiftHalves(halves: v128, mask: v128): v128 {
  return v128.and(i32x4.shl(halves, 13), mask);
}

/** Four f16 values, sign-extended to 32 bits, as f32; finite ones only. */
// @ts-ignore: decorator
@inline
export function finiteHalvesToFloats(halves: v128): v128 {
  return f32x4.mul(shiftHalves(halves, lanes(SHIFTED_BITS)), lanes(TWO_TO_112));
}

const HALF_MAGNITUDE_BITS = memory.data<u32>([0x7fff]);
const HALF_SIGN_BIT = memory.data<u32>([0x8000]);

/** Four f16 values in the low halves of 32 bits, as f32. */
// @ts-ignore: decorator
@inline
export function halvesToFloats(halves: v128): v128 {
  const shifted = i32x4.shl(v128.and(halves, lanes(HALF_MAGNITUDE_BITS)), 13);
  const isSpecial = i32x4.gt_s(shifted, lanes(LARGEST_SHIFTED));
  const magnitude = v128.or(f32x4.mul(shifted, lanes(TWO_TO_112)), v128.and(isSpecial, lanes(EXPONENT_BITS)));
  return v128.or(magnitude, i32x4.shl(v128.and(halves, lanes(HALF_SIGN_BIT)), 16));
}

const MAGNITUDE_BITS = memory.data<u32>([0x7fffffff]);
const ONE_BIT = memory.data<u32>([1]);
/** The difference of the biases of the exponents, and what rounds the 13 bits that are lost, ties aside. */
const REBIAS_AND_ROUND = memory.data<i32>([0xfff - 0x38000000]);
const SMALLEST_NORMAL_BITS = memory.data<i32>([0x38800000]);
const ONE_HALF = memory.data<f32>([0.5]);
/** The largest f32 that rounds to a finite f16 lies just below 65520. */
const LARGEST_BITS = memory.data<i32>([0x477fefff]);
const HALF_INFINITY = memory.data<i32>([0x7c00]);
const HALF_NAN = memory.data<i32>([0x7e00]);

/** Four f32 values as f16 in the low halves of 32 bits, rounded to the nearest, ties to even. */
// @ts-ignore: decorator
@inline
export function floatsToHalves(values: v128): v128 {
  const sign = v128.and(i32x4.shr_u(values, 16), lanes(HALF_SIGN_BIT));
  const magnitude = v128.and(values, lanes(MAGNITUDE_BITS));
  const isOdd = v128.and(i32x4.shr_u(magnitude, 13), lanes(ONE_BIT));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, isOdd), lanes(REBIAS_AND_ROUND)), 13);
  // The sum of 0.5 and a denormal has the denormal's last bit in its last place, so the addition rounds it to even.
  const denormal = i32x4.sub(f32x4.add(magnitude, lanes(ONE_HALF)), lanes(ONE_HALF));
  let result = v128.bitselect(denormal, normal, i32x4.lt_s(magnitude, lanes(SMALLEST_NORMAL_BITS)));
  result = v128.bitselect(lanes(HALF_INFINITY), result, i32x4.gt_s(magnitude, lanes(LARGEST_BITS)));
  result = v128.bitselect(lanes(HALF_NAN), result, i32x4.gt_s(magnitude, lanes(EXPONENT_BITS)));
  return v128.or(result, sign);
}
