// One token for each row: the largest logit, or by the Gumbel-max trick a draw from softmax(logits / temperature): the
// largest logit / temperature - log E, E exponential. A row from which nothing can be drawn gives -1. A workgroup for
// each row.
#include indices
#include not_a_number
#include random
#include reduce
#include reduce_index

struct Params {
  rows: u32,
  width: u32,
  seed: u32,
  counter: u32,
  inverseTemperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<i32>;

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
  var broken = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    largest = max(largest, logits[base + i]);
    broken = select(broken, 1.0, isNotANumber(logits[base + i]));
  }
  largest = workgroupMax(largest, lane);
  broken = workgroupMax(broken, lane);
  var best = LOWEST;
  var index = lane;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    var score = logits[base + i];
#if !GREEDY
    if (score > LOWEST) {
      // The largest becomes 0 even if it is infinite.
      let scaled = select((score - largest) * params.inverseTemperature, 0.0, score == largest);
      score = scaled - logarithm(exponential(params.seed, params.counter, row, i));
    }
#endif
    if (score > best) {
      best = score;
      index = i;
    }
  }
  let token = workgroupArgmax(best, index, lane);
  if (lane == 0) {
    out[row] = select(-1, i32(token), largest > LOWEST && broken == 0.0);
  }
}
