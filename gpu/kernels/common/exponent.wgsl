// e^x, as on the CPU: relative error below 2e-7. For sums that decisions depend on; elsewhere the built-in exp is
// accurate enough.
fn exponent(x: f32) -> f32 {
  let bounded = clamp(x, -105.0, 89.0);
  // x = n·ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first with so few bits that n times it is exact.
  let n = round(bounded * 1.4426950408889634);
  let r = (bounded - n * 0.693359375) - n * -2.12194440054690583e-4;
  // e^r = 1 + r + r²·P(r)
  var p = 0.0013814596459269524 * r + 0.0083687175065279;
  p = p * r + 0.04166838899254799;
  p = p * r + 0.1666652113199234;
  p = p * r + 0.4999999403953552;
  p = p * r * r + r + 1.0;
  // 2^n as two factors, for n = 128 and for small results.
  let power = i32(n);
  let first = power >> 1;
  return p * bitcast<f32>((first + 127) << 23) * bitcast<f32>((power - first + 127) << 23);
}
