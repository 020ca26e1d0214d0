// Words of blocks of 32 values with an f16 scale; where they lie is told in blocks.ts.

// The scale of a block, given the word that holds it and its neighbor's.
fn blockScale(word: u32, block: u32) -> f32 {
  return unpack2x16float(word >> (16 * (block & 1))).x;
}

// Four signed bytes of q8_0.
fn signedBytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24, 16, 8, 0)) >> vec4<u32>(24));
}

// The low nibbles of four bytes of q4_0, less the 8 that was added to them.
fn lowNibbles(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0, 8, 16, 24)) & vec4<u32>(15)) - 8.0;
}
