// x + y · scale · factor; y is repeated over x, scale over its rows.
#include indices

struct Params {
  size: u32,
  ySize: u32,
  width: u32,
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
@group(0) @binding(2) var<storage, read> y: array<VALUE>;
#if HAS_SCALE
@group(0) @binding(3) var<storage, read> scale: array<VALUE>;
#endif
@group(0) @binding(4) var<storage, read_write> out: array<VALUE>;

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
  var other = y[i % params.ySize];
#if HAS_SCALE
  other *= scale[i % params.width];
#endif
  out[i] = x[i] + other * params.factor;
}
