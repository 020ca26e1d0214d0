// Moves each segment of features some positions along the sequence; zeros, or rows from before the sequence, take their
// places.
#include indices

struct Params {
  size: u32,
  // Positions, features of a row, features of a segment and number of segments.
  length: u32,
  width: u32,
  segment: u32,
  segments: u32,
  // Rows of `previous` in each batch row.
  before: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> shifts: array<i32>;
#if HAS_PREVIOUS
@group(0) @binding(3) var<storage, read> previous: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

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
  let feature = i % params.width;
  let row = i / params.width;
  let segment = feature / params.segment;
  if (segment >= params.segments) {
    out[i] = x[i];
    return;
  }
  let batch = row / params.length;
  let position = i32(row % params.length) - shifts[segment];
  var value = 0.0;
  if (position >= 0 && position < i32(params.length)) {
    value = x[(batch * params.length + u32(position)) * params.width + feature];
  }
#if HAS_PREVIOUS
  if (position < 0 && position >= -i32(params.before)) {
    value = previous[(batch * params.before + u32(position + i32(params.before))) * params.width + feature];
  }
#endif
  out[i] = value;
}
