// Copies runs of rows, for concatenation and slicing. Works on bits, so that it serves every dtype.
#include indices

struct Params {
  size: u32,
  // Values of one run, and of one batch row of the source (0: it repeats) and of the result.
  run: u32,
  fromStride: u32,
  toStride: u32,
  fromOffset: u32,
  toOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
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
  let batch = i / params.run;
  let rest = i % params.run;
  out[batch * params.toStride + params.toOffset + rest] = x[batch * params.fromStride + params.fromOffset + rest];
}
