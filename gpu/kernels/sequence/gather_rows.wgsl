// Rows by their index; an index that is out of range gives zeros.
#include indices

struct Params {
  size: u32,
  width: u32,
  // Rows of x.
  rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
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
  let row = u32(indices[i / params.width]);
  var value = VALUE(0.0);
  if (row < params.rows) {
    value = x[row * params.width + i % params.width];
  }
  out[i] = value;
}
