// x Wᵀ for one to four rows (ROWS): each invocation makes one feature of each row by itself. No barriers: for adapters that are a CPU.
#include linear_operands
#include indices

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let column = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (column >= params.columns) {
    return;
  }
  let base = column * params.quads;
  var sums = array<vec4<f32>, ROWS>();
  for (var quad = 0u; quad < params.quads; quad++) {
    let w = weightQuad(base + quad);
    for (var r = 0u; r < ROWS; r++) {
      sums[r] += xQuad(r, quad) * w;
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    store(r, column, dot(sums[r], vec4<f32>(1.0)));
  }
}
