// Divides positive and multiplies negative logits of tokens in the history (arXiv 1909.05858), in a copy of the logits.
// A token that occurs twice is written twice, with the same value.
#include indices

struct Params {
  size: u32,
  // Tokens of history, and logits, in a row.
  history: u32,
  width: u32,
  penalty: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> history: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

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
  let token = history[i];
  if (token < 0 || u32(token) >= params.width) {
    return;
  }
  let at = (i / params.history) * params.width + u32(token);
  let logit = logits[at];
  if (logit > LOWEST) {
    out[at] = select(logit * params.penalty, logit / params.penalty, logit > 0.0);
  }
}
