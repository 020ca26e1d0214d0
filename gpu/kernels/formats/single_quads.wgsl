// Pieces of one quad each.
const PIECE_QUADS = 1u;

fn quadOfPiece(piece: u32, part: u32) -> u32 {
  return piece;
}

fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {
  return array<vec4<f32>, PIECE_QUADS>(weightQuad(row, piece));
}
