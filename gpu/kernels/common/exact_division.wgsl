// Quotients rounded to the nearest f32, as IEEE 754 has them, from whole numbers: WGSL's own division may be off by 2.5 units in the
// last place, and then devices would not quantize alike. Both take what is not negative, and give 0 for 0 and what is next to it.

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
  // By so many bits the mantissa is moved for its quotient to have 24.
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
  // 2^47 - guess · mantissa, of which the low bits are all: a few times the mantissa, rounded to a number of times.
  let rest = bitcast<i32>(0 - guess * mantissa);
  let times = (rest + bitcast<i32>(8 * mantissa + mantissa / 2)) / bitcast<i32>(mantissa) - 8;
  return composed(253 - exponent, guess + bitcast<u32>(times));
}
