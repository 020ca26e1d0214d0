// Words of blocks of 32 values with an f16 scale; where they lie is told in memory/weights.ts.

// The scale of a block, given the word that holds it and its neighbor's.
fn blockScale(word: u32, block: u32) -> f32 {
  return unpack2x16float(word >> (16 * (block & 1))).x;
}

// Four signed bytes of q8_0.
fn signedBytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24, 16, 8, 0)) >> vec4<u32>(24));
}
