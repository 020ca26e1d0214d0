// Rows of a weight [out, in] as quads of values, `quads` to a row, the last filled up with zeros. A row begins at a
// multiple of `stride` elements. A piece is what lies in one element: PIECE_QUADS quads, which need not be neighbors.
// Where invocations side by side read pieces side by side, they read each byte of the weight once.
#if FORMAT == q4_0
const PIECE_QUADS = 2u;

fn quadOfPiece(piece: u32, part: u32) -> u32 {
  return (piece / 4) * 8 + part * 4 + piece % 4;
}
#else
const PIECE_QUADS = 1u;

fn quadOfPiece(piece: u32, part: u32) -> u32 {
  return piece;
}
#endif

#if FORMAT == f32
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return weight[row + quad];
}
#endif
#if FORMAT == f16
#if F16
@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return vec4<f32>(weight[row + quad]);
}
#else
@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(weight[row + quad].x), unpack2x16float(weight[row + quad].y));
}
#endif
#endif
#if FORMAT == q8_0
const BLOCK_WORDS = 8u;
#include weight_blocks

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return weightScale(row, quad / 8) * signedBytes(weight[row + quad]);
}
#endif
#if FORMAT == q4_0
const BLOCK_WORDS = 4u;
#include weight_blocks

// Quads 0 to 3 of a block are the low nibbles of its words, the others the high ones.
fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  let word = weight[row + quad / 8 * 4 + quad % 4];
  return weightScale(row, quad / 8) * lowNibbles(word >> (quad & 4));
}

fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {
  let word = weight[row + piece];
  let scale = weightScale(row, piece / 4);
  return array<vec4<f32>, PIECE_QUADS>(scale * lowNibbles(word), scale * lowNibbles(word >> 4));
}
#else

fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {
  return array<vec4<f32>, PIECE_QUADS>(weightQuad(row, piece));
}
#endif
