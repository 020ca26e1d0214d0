// Merges the results of `attention_decode`'s splits: an invocation for each unit of features of each query.
#include indices
#include scalar

struct Params {
  size: u32,
  splits: u32,
  units: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<VALUE>;
@group(0) @binding(2) var<storage, read_write> out: array<VALUE>;

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
  let first = (i / UNITS) * params.splits * (UNITS + 2);
  var largest = LOWEST;
  for (var s = 0u; s < params.splits; s++) {
    largest = max(largest, scalar(partials[first + s * (UNITS + 2) + UNITS]));
  }
  var total = 0.0;
  var sum = VALUE(0.0);
  for (var s = 0u; s < params.splits; s++) {
    let offset = first + s * (UNITS + 2);
    let count = scalar(partials[offset + UNITS + 1]);
    // Compared by its bits: if a score is NaN, so is the total, and so must be the result, but devices may compare NaN
    // as they like.
    if (bitcast<u32>(count) != 0u) {
      let weight = exp(scalar(partials[offset + UNITS]) - largest);
      total += weight * count;
      sum += weight * partials[offset + i % UNITS];
    }
  }
  out[i] = sum * select(1.0 / total, 0.0, total == 0.0);
}
