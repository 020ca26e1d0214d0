// Mean over the sequence; positions first ≤ i < end of it are added to the sums of earlier ones.
#include indices

struct Params {
  size: u32,
  length: u32,
  width: u32,
  first: u32,
  end: u32,
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
  let i = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (i >= params.size) {
    return;
  }
  var sum = 0.0;
  if (params.first > 0) {
    sum = out[i];
  }
  for (var position = params.first; position < params.end; position++) {
    sum += x[((i / params.width) * params.length + position) * params.width + i % params.width];
  }
  out[i] = select(sum, sum / f32(params.length), params.end == params.length);
}
