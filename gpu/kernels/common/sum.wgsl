// The sum of all values, in one workgroup.
#include reduce

struct Params {
  size: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.size; i += WORKGROUP) {
    sum += x[i];
  }
  sum = workgroupSum(sum, lane);
  if (lane == 0) {
    out[0] = sum;
  }
}
