// x Wᵀ for one to four rows (ROWS): a workgroup makes COLUMNS features of each; its lanes share the features of x, so
// that they read each row of the weight in whole lines, once.
#include linear_operands
#include indices
#include reduce

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let firstColumn = workgroupNumber(group, groups) * COLUMNS;
  if (firstColumn >= params.columns) {
    return;
  }
  let lastColumn = params.columns - 1;
  var sums = array<array<f32, COLUMNS>, ROWS>();
  for (var piece = params.first + lane; piece < params.end; piece += WORKGROUP) {
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
