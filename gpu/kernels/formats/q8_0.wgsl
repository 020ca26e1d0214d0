// A weight in q8_0: a word holds a quad of signed bytes.
const BLOCK_WORDS = 8u;
#include weight_words

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return weightScale(row, quad / 8) * signedBytes(weight[row + quad]);
}
#include single_quads
