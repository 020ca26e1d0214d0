// The acceptance step of speculative decoding (arXiv 2211.17192, algorithm 1), in one workgroup: drafted token i is accepted with
// probability min(1, p/q); the first that isn't is replaced by a draw from max(0, p - q), and after the last comes a draw from p.
#include random
#include reduce
#include reduce_index

struct Params {
  drafted: u32,
  width: u32,
  seed: u32,
  counter: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// Probabilities: p of the target, a row more than there are drafted tokens, and q of the draft.
@group(0) @binding(1) var<storage, read> wanted: array<f32>;
@group(0) @binding(2) var<storage, read> guessed: array<f32>;
@group(0) @binding(3) var<storage, read> tokens: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<i32>;

// Seeds of its own, exclusive-ored: its numbers must be independent of those that made the draft.
const ACCEPT_SEED = 0x85ebca6bu;
const RESIDUAL_SEED = 0x9e3779b9u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  // Every invocation goes through the draft by itself, up to the first token that isn't accepted.
  var accepted = 0u;
  while (accepted < params.drafted) {
    let token = u32(tokens[accepted]);
    let at = accepted * params.width + token;
    // An id that is no token was not drawn from q, and is not accepted.
    if (token >= params.width) {
      break;
    }
    let limit = uniformNumber(params.seed ^ ACCEPT_SEED, params.counter, accepted, 0) * guessed[at];
    if (!(limit < wanted[at])) {
      break;
    }
    accepted += 1;
  }
  let isOver = accepted < params.drafted;
  let base = accepted * params.width;
  var residual = 0.0;
  if (isOver) {
    for (var i = lane; i < params.width; i += WORKGROUP) {
      residual = max(residual, wanted[base + i] - guessed[base + i]);
    }
  }
  let hasResidual = workgroupMax(residual, lane) > 0.0;
  var best = -1.0;
  var index = lane;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    var weight = wanted[base + i];
    if (hasResidual) {
      weight = max(0.0, weight - guessed[base + i]);
    }
    let score = weight / exponential(params.seed ^ RESIDUAL_SEED, params.counter, accepted, i);
    if (score > best) {
      best = score;
      index = i;
    }
  }
  let token = workgroupArgmax(best, index, lane);
  if (lane == 0) {
    out[0] = i32(accepted);
    out[1] = i32(token);
  }
}
