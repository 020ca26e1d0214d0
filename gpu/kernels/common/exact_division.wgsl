// Quotients rounded to the nearest f32, as in IEEE 754, by arithmetic on whole numbers, because WGSL's own division may
// be off by 2.5 units in the last place, so that devices would not quantize alike. Both functions take values ≥ 0, and
// give 0 for 0 and denormals.

fn mantissaOf(bits: u32) -> u32 {
  return (bits & 0x7fffff) | 0x800000;
}

// A number from its exponent, with the bias of f32, and a mantissa of 24 bits, or 2^24.
fn composed(exponent: u32, mantissa: u32) -> f32 {
  return bitcast<f32>((exponent << 23) + mantissa - 0x800000);
}

// value / 127
fn over127(value: f32) -> f32 {
  let bits = bitcast<u32>(value);
  let mantissa = mantissaOf(bits);
  // Bits by which the mantissa is shifted, so that its quotient has 24.
  let shift = select(7u, 6u, mantissa > (127 << 17));
  let exponent = bits >> 23;
  if (exponent <= shift) {
    return 0.0;
  }
  return composed(exponent - shift, ((mantissa << shift) + 63) / 127);
}

// 1 / value
fn reciprocal(value: f32) -> f32 {
  let bits = bitcast<u32>(value);
  let exponent = bits >> 23;
  if (exponent == 0) {
    return 0.0;
  }
  let mantissa = mantissaOf(bits);
  let guess = u32(0x1p47 / f32(mantissa));
  // 2^47 - estimate · mantissa: a small multiple of the mantissa, so its low 32 bits hold it; then rounded to whole
  // multiples.
  let rest = bitcast<i32>(0 - guess * mantissa);
  let times = (rest + bitcast<i32>(8 * mantissa + mantissa / 2)) / bitcast<i32>(mantissa) - 8;
  return composed(253 - exponent, guess + bitcast<u32>(times));
}
