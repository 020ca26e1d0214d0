/** Four f16 values, zero-extended to 32 bits, as f32. */
// @ts-ignore: decorator
@inline
export function halvesToFloats(halves: v128): v128 {
  // Exponent and mantissa move into place; 2^112 makes up for the difference of the biases, for denormals as well.
  const magnitude = v128.and(halves, i32x4.splat(0x7fff));
  const scaled = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(5.192296858534828e33));
  const isSpecial = i32x4.gt_s(magnitude, i32x4.splat(0x7bff));
  const sign = i32x4.shl(v128.and(halves, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(scaled, sign), v128.and(isSpecial, i32x4.splat(0x7f800000)));
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
