// x · activation(y): y of x's shape, or one factor for each head, of each row or of all rows.
#include activation
#include indices

struct Params {
  size: u32,
  // Features of a row of x.
  width: u32,
  // Factors of a row of y, and features that share one.
  factors: u32,
  sharedBy: u32,
  // 0 if all rows of x have the same factors.
  rowStride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
@group(0) @binding(2) var<storage, read> y: array<VALUE>;
@group(0) @binding(3) var<storage, read_write> out: array<VALUE>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (i >= params.size) {
    return;
  }
  let row = i / params.width;
  let factor = y[row * params.rowStride + (i % params.width) / params.sharedBy];
  out[i] = x[i] * ACTIVATION(factor);
}
