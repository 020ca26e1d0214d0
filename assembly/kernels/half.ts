import { lanes } from "./math";

/** Bits of an f16's sign, exponent and mantissa after sign extension and a shift by 13. */
export const SHIFTED_BITS = memory.data<u32>([0x8fffffff]);
const TWO_TO_112 = memory.data<f32>([5.192296858534828e33]);
const EXPONENT_BITS = memory.data<u32>([0x7f800000]);
const LARGEST_SHIFTED = memory.data<i32>([0x0f7fe000]);

/**
 * Four f16 values, sign-extended to 32 bits, as f32 · 2^-112, which is what their bits shifted into place mean; denormals included.
 * (Infinity and NaN come out as 65536 · 2^-112 and more.) `mask`: SHIFTED_BITS in all lanes, loaded once by whoever has a loop.
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

/** Four f16 values, sign-extended to 32 bits, as f32. */
// @ts-ignore: decorator
@inline
export function halvesToFloats(halves: v128): v128 {
  const shifted = shiftHalves(halves, lanes(SHIFTED_BITS));
  const isSpecial = f32x4.gt(f32x4.abs(shifted), lanes(LARGEST_SHIFTED));
  return v128.or(f32x4.mul(shifted, lanes(TWO_TO_112)), v128.and(isSpecial, lanes(EXPONENT_BITS)));
}

/** Four f32 values as f16 in the low halves of 32 bits, rounded to the nearest, ties to even. */
// @ts-ignore: decorator
@inline
export function floatsToHalves(values: v128): v128 {
  const sign = v128.and(i32x4.shr_u(values, 16), i32x4.splat(0x8000));
  const magnitude = v128.and(values, i32x4.splat(0x7fffffff));
  // Normal results: the bias of the exponent changes, then 13 bits are rounded away.
  const isOdd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, isOdd), i32x4.splat(0xfff - 0x38000000)), 13);
  // Denormal ones: adding 0.5 puts the last bit of an f16 denormal in the last place, rounding to even as additions do.
  const denormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  let result = v128.bitselect(denormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  // From 65520 on: infinity; NaN stays NaN.
  result = v128.bitselect(i32x4.splat(0x7c00), result, i32x4.gt_s(magnitude, i32x4.splat(0x477fefff)));
  result = v128.bitselect(i32x4.splat(0x7e00), result, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  return v128.or(result, sign);
}
