// x / max(sqrt(‖x‖² + squareEps), eps) · factor · gain; a workgroup for each group of features.
#include indices
#include reduce

struct Params {
  // Groups of all rows together.
  rows: u32,
  // Features of a group, of a row, and of the gain, which repeats.
  width: u32,
  dim: u32,
  gainSize: u32,
  gainOffset: f32,
  factor: f32,
  eps: f32,
  squareEps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
#if HAS_GAIN
@group(0) @binding(2) var<storage, read> gain: array<f32>;
#endif
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

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
  var squares = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    squares += x[base + i] * x[base + i];
  }
  let inverse = params.factor / max(sqrt(workgroupSum(squares, lane) + params.squareEps), params.eps);
  for (var i = lane; i < params.width; i += WORKGROUP) {
    var value = x[base + i] * inverse;
#if HAS_GAIN
    value *= gain[((base + i) % params.dim) % params.gainSize] + params.gainOffset;
#endif
    out[base + i] = value;
  }
}
