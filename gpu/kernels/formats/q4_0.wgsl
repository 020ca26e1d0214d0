// A weight in q4_0: quads 0 to 3 of a block are the low nibbles of its words, the others the high ones.
const BLOCK_WORDS = 4u;
#include weight_words

// The low nibbles of four bytes, less the 8 that was added to them.
fn lowNibbles(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0, 8, 16, 24)) & vec4<u32>(15)) - 8.0;
}

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  let word = weight[row + quad / 8 * 4 + quad % 4];
  return weightScale(row, quad / 8) * lowNibbles(word >> (quad & 4));
}

const PIECE_QUADS = 2u;

fn quadOfPiece(piece: u32, part: u32) -> u32 {
  return (piece / 4) * 8 + part * 4 + piece % 4;
}

fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {
  let word = weight[row + piece];
  let scale = weightScale(row, piece / 4);
  return array<vec4<f32>, PIECE_QUADS>(scale * lowNibbles(word), scale * lowNibbles(word >> 4));
}
