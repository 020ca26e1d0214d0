// (x - mean) / sqrt(variance + eps) · gain + bias (arXiv 1607.06450); a workgroup for each row.
#include indices
#include reduce

struct Params {
  rows: u32,
  width: u32,
  gainOffset: f32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
#if HAS_GAIN
@group(0) @binding(2) var<storage, read> gain: array<f32>;
#endif
#if HAS_BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

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
  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    sum += x[base + i];
  }
  let mean = workgroupSum(sum, lane) / f32(params.width);
  var squares = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    let difference = x[base + i] - mean;
    squares += difference * difference;
  }
  let variance = workgroupSum(squares, lane) / f32(params.width);
  let inverse = 1.0 / sqrt(variance + params.eps);
  for (var i = lane; i < params.width; i += WORKGROUP) {
    var value = (x[base + i] - mean) * inverse;
#if HAS_GAIN
    value *= gain[i] + params.gainOffset;
#endif
#if HAS_BIAS
    value += bias[i];
#endif
    out[base + i] = value;
  }
}
