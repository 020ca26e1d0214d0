// Decided by the bits, because compilers may assume that floats are never NaN.
fn isNotANumber(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
