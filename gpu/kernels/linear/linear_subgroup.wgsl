// x Wᵀ for many rows: the tiles of `linear_workgroup`, but only the weight goes through workgroup memory. Each
// invocation owns a column and ROWS rows; the lanes of a subgroup load neighboring quads of a row of x and exchange
// them by shuffles.
#include linear_operands
#include linear_result

const COLUMNS = 64u;
const STEP = 8u; // quads
var<workgroup> weightTile: array<vec4<f32>, STEP * COLUMNS>;

@compute @workgroup_size(COLUMNS)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(subgroup_invocation_id) subgroupLane: u32,
  @builtin(subgroup_size) subgroupSize: u32,
) {
  let firstRow = group.y * ROWS;
  let firstColumn = group.x * COLUMNS;
  let lastRow = params.rows - 1;
  // Quads that one load of a subgroup covers.
  let share = min(subgroupSize, STEP);
  var sums = array<f32, ROWS>();
  for (var base = params.first; base < params.end; base += STEP) {
    for (var i = lane; i < STEP * COLUMNS; i += COLUMNS) {
      let column = firstColumn + i / STEP;
      let quad = base + i % STEP;
      var value = vec4<f32>();
      if (column < params.columns && quad < params.end) {
        value = weightQuad(column * params.stride, quad);
      }
      weightTile[(i % STEP) * COLUMNS + i / STEP] = value;
    }
    workgroupBarrier();
    for (var r = 0u; r < ROWS; r++) {
      let row = min(firstRow + r, lastRow);
      for (var part = 0u; part < STEP; part += share) {
        var own = vec4<f32>();
        let quad = base + part + subgroupLane % share;
        if (quad < params.end) {
          own = xQuad(row, quad);
        }
        for (var step = 0u; step < share; step++) {
          sums[r] += dot(subgroupShuffle(own, step), weightTile[(part + step) * COLUMNS + lane]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < ROWS; r++) {
    store(firstRow + r, firstColumn + lane, sums[r]);
  }
}
