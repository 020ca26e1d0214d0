// Rotary positions by themselves.
#include indices
#include rotation

struct Params {
  size: u32,
  // Features of a row, of a head, and rotated ones of a head.
  width: u32,
  headWidth: u32,
  rotated: u32,
  // Rows of the table, which repeats over the rows of x.
  tableRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (i < params.size) {
    out[i] = rotated(i);
  }
}
