// The quads of ROWS rows of x that a piece of the weight is multiplied with.
fn xPiece(piece: u32) -> array<array<vec4<f32>, ROWS>, PIECE_QUADS> {
  var values = array<array<vec4<f32>, ROWS>, PIECE_QUADS>();
  for (var part = 0u; part < PIECE_QUADS; part++) {
    let quad = quadOfPiece(piece, part);
#if PARTIAL
    // The last block is filled up with zeros: x has nothing for them.
    if (quad >= params.quads) {
      continue;
    }
#endif
    for (var r = 0u; r < ROWS; r++) {
      values[part][r] = xQuad(r, quad);
    }
  }
  return values;
}
