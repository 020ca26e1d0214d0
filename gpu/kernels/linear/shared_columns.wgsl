// COLUMNS columns of a product of ROWS rows; the lanes of a workgroup share the features.
#include linear_result

fn multiply(firstColumn: u32, lane: u32) {
  let lastColumn = params.columns - 1;
  var sums = array<array<f32, COLUMNS>, ROWS>();
  for (var piece = params.first + lane; piece < params.end; piece += WORKGROUP) {
    var values = array<array<vec4<f32>, ROWS>, PIECE_QUADS>();
    for (var part = 0u; part < PIECE_QUADS; part++) {
      let quad = quadOfPiece(piece, part);
#if PARTIAL
      // The last block is padded with zeros, which have no counterpart in x.
      if (quad >= params.quads) {
        continue;
      }
#endif
      for (var r = 0u; r < ROWS; r++) {
        values[part][r] = xQuad(r, quad);
      }
    }
    for (var c = 0u; c < COLUMNS; c++) {
      let w = weightPiece(min(firstColumn + c, lastColumn) * params.stride, piece);
      for (var part = 0u; part < PIECE_QUADS; part++) {
        for (var r = 0u; r < ROWS; r++) {
          sums[r][c] += dot(values[part][r], w[part]);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var c = 0u; c < COLUMNS; c++) {
      let sum = workgroupSum(sums[r][c], lane);
      if (lane == 0) {
        store(r, firstColumn + c, sum);
      }
    }
  }
}
