// x Wᵀ for one row: each invocation makes eight features by itself. No barriers: for adapters that are a CPU, where a
// load costs more than what is done with it, so that several columns share those of x. Columns are written out, for
// SwiftShader keeps in memory what a loop indexes: 2560 × 2560 take 19 ms this way, 50 with sums in an array.
#include linear_operands
#include indices

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let column = (workgroupNumber(group, groups) * WORKGROUP + lane) * 8;
  if (column >= params.columns) {
    return;
  }
  let last = vec4<u32>(params.columns - 1);
  let a = min(column + vec4<u32>(0, 1, 2, 3), last) * params.stride;
  let b = min(column + vec4<u32>(4, 5, 6, 7), last) * params.stride;
  var sums = array<vec4<f32>, 8>();
  for (var quad = params.first; quad < params.end; quad++) {
    let value = xQuad(0, quad);
    sums[0] += value * weightQuad(a.x, quad);
    sums[1] += value * weightQuad(a.y, quad);
    sums[2] += value * weightQuad(a.z, quad);
    sums[3] += value * weightQuad(a.w, quad);
    sums[4] += value * weightQuad(b.x, quad);
    sums[5] += value * weightQuad(b.y, quad);
    sums[6] += value * weightQuad(b.z, quad);
    sums[7] += value * weightQuad(b.w, quad);
  }
  for (var c = 0u; c < 8; c++) {
    store(0, column + c, dot(sums[c], vec4<f32>(1.0)));
  }
}
