// -log softmax(logits)[target] of each row, 0 where the target is ignored or no token; a workgroup for each.
#include indices
#include logarithm
#include reduce

struct Params {
  rows: u32,
  width: u32,
  ignoreIndex: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<i32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;

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
  let label = targets[row];
  if (label == params.ignoreIndex || u32(label) >= params.width) {
    if (lane == 0) {
      losses[row] = 0.0;
    }
    return;
  }
  let base = row * params.width;
  var largest = LOWEST;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    largest = max(largest, logits[base + i]);
  }
  largest = workgroupMax(largest, lane);
  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    sum += select(exp(logits[base + i] - largest), 0.0, logits[base + i] <= LOWEST);
  }
  sum = workgroupSum(sum, lane);
  if (lane == 0) {
    let logit = logits[base + u32(label)];
    losses[row] = select(logarithm(sum) - (logit - largest), -LOWEST, logit <= LOWEST);
  }
}
