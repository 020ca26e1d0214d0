// x Wᵀ for many rows: a workgroup of 16 × 16 invocations makes a tile of 16·TILE_ROWS rows by 64 columns, going along
// the features in steps of 16, which it keeps in workgroup memory. Neighboring invocations own neighboring columns, 16
// apart within one invocation, so that workgroup memory is read without bank conflicts and the result is written in
// whole lines.
#include linear_operands
#include linear_result

const STEP = 4u; // quads
var<workgroup> xTile: array<vec4<f32>, STEP * 16 * TILE_ROWS>;
var<workgroup> weightTile: array<vec4<f32>, STEP * 64>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
) {
  let firstRow = group.y * 16 * TILE_ROWS;
  let firstColumn = group.x * 64;
  var sums = array<vec4<f32>, TILE_ROWS>();
  for (var base = params.first; base < params.end; base += STEP) {
    for (var i = lane; i < STEP * 16 * TILE_ROWS; i += 256) {
      let row = firstRow + i / STEP;
      let quad = base + i % STEP;
      var value = vec4<f32>();
      if (row < params.rows && quad < params.end) {
        value = xQuad(row, quad);
      }
      xTile[(i % STEP) * 16 * TILE_ROWS + i / STEP] = value;
    }
    let column = firstColumn + lane / STEP;
    let quad = base + lane % STEP;
    var value = vec4<f32>();
    if (column < params.columns && quad < params.end) {
      value = weightQuad(column * params.stride, quad);
    }
    weightTile[(lane % STEP) * 64 + lane / STEP] = value;
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let w0 = weightTile[step * 64 + local.x];
      let w1 = weightTile[step * 64 + local.x + 16];
      let w2 = weightTile[step * 64 + local.x + 32];
      let w3 = weightTile[step * 64 + local.x + 48];
      for (var r = 0u; r < TILE_ROWS; r++) {
        let value = xTile[step * 16 * TILE_ROWS + local.y + 16 * r];
        sums[r] += vec4<f32>(dot(value, w0), dot(value, w1), dot(value, w2), dot(value, w3));
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < TILE_ROWS; r++) {
    for (var c = 0u; c < 4; c++) {
      store(firstRow + local.y + 16 * r, firstColumn + local.x + 16 * c, sums[r][c]);
    }
  }
}
