// The bits of the nearest f16, ties to even; too large a value becomes infinity. (With pack2x16float both depend on the
// device.)
fn halfBits(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let sign = (bits >> 16) & 0x8000;
  let magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    return sign | 0x7e00;
  }
  if (magnitude >= 0x477ff000) {
    return sign | 0x7c00;
  }
  if (magnitude < 0x38800000) {
    // The sum of 0.5 and a denormal has the denormal's last bit in its last place, so the addition rounds it.
    return sign | (bitcast<u32>(bitcast<f32>(magnitude) + 0.5) - 0x3f000000);
  }
  return sign | ((magnitude + ((magnitude >> 13) & 1) + 0xfff - 0x38000000) >> 13);
}

fn halfPair(values: vec2<f32>) -> u32 {
  return halfBits(values.x) | (halfBits(values.y) << 16);
}
