// log(1 + f) + e·log 2 for f from √½ - 1 to √2 - 1, by the polynomial of Cephes' logf (S. Moshier): the same operations
// in the same order as on the CPU, so that the same tokens are drawn. The built-in log is off by 5e-7 on the least
// accurate adapter measured.
fn log1p(f: f32, e: f32) -> f32 {
  let square = f * f;
  var y = 7.0376836292e-2;
  y = y * f + -1.1514610310e-1;
  y = y * f + 1.1676998740e-1;
  y = y * f + -1.2420140846e-1;
  y = y * f + 1.4249322787e-1;
  y = y * f + -1.6668057665e-1;
  y = y * f + 2.0000714765e-1;
  y = y * f + -2.4999993993e-1;
  y = y * f + 3.3333331174e-1;
  y = y * f * square;
  y = y + e * -2.12194440e-4;
  y = y - 0.5 * square;
  return (f + y) + e * 0.693359375;
}

// log x for normal x > 0: x = m·2ᵉ with m from √½ to √2.
fn logarithm(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var exponent = i32(bits >> 23) - 126;
  var mantissa = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (mantissa < 0.70710677) {
    mantissa = mantissa + mantissa;
    exponent -= 1;
  }
  return log1p(mantissa - 1.0, f32(exponent));
}
