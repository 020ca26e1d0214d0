// x Wᵀ for one to four rows (ROWS): each invocation makes COLUMNS features of each row by itself. No barriers: for adapters that are a
// CPU, where a load costs more than what is done with it, so that several columns share those of x.
#include linear_operands
#include indices

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let firstColumn = (workgroupNumber(group, groups) * WORKGROUP + lane) * COLUMNS;
  if (firstColumn >= params.columns) {
    return;
  }
  var bases: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    bases[c] = min(firstColumn + c, params.columns - 1) * params.stride;
  }
  var sums = array<array<vec4<f32>, COLUMNS>, ROWS>();
  for (var quad = 0u; quad < params.quads; quad++) {
    var values: array<vec4<f32>, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      values[r] = xQuad(r, quad);
    }
    for (var c = 0u; c < COLUMNS; c++) {
      let w = weightQuad(bases[c], quad);
      for (var r = 0u; r < ROWS; r++) {
        sums[r][c] += values[r] * w;
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var c = 0u; c < COLUMNS; c++) {
      store(r, firstColumn + c, dot(sums[r][c], vec4<f32>(1.0)));
    }
  }
}
