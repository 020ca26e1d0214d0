// Softmax of each row, or its logarithm; a workgroup for each. Hidden entries (LOWEST) get probability 0.
#include indices
#include logarithm
#include reduce

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = workgroupNumber(group, groups);
  if (row >= params.rows) {
    return;
  }
  let base = row * params.width;
  var largest = LOWEST;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    largest = max(largest, x[base + i]);
  }
  largest = workgroupMax(largest, lane);
  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    sum += select(exp(x[base + i] - largest), 0.0, x[base + i] <= LOWEST);
  }
  sum = workgroupSum(sum, lane);
#if LOGARITHM
  let shift = largest + logarithm(max(sum, 1.0));
#else
  let inverse = select(1.0 / sum, 0.0, sum == 0.0);
#endif
  for (var i = lane; i < params.width; i += WORKGROUP) {
    let value = x[base + i];
#if LOGARITHM
    out[base + i] = select(value - shift, LOWEST, value <= LOWEST);
#else
    out[base + i] = select(exp(value - largest) * inverse, 0.0, value <= LOWEST);
#endif
  }
}
