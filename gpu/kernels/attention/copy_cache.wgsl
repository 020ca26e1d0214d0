// Copies the first slots of all heads from one row of a cache to another, in words of whatever its format is.
#include indices

struct Params {
  size: u32,
  // Words to copy of a head, and of a head in all.
  run: u32,
  stride: u32,
  // Where the two rows begin.
  fromOffset: u32,
  toOffset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> cache: array<VALUE>;

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
  let place = (i / params.run) * params.stride + i % params.run;
  cache[params.toOffset + place] = cache[params.fromOffset + place];
}
