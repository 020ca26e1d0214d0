// The acceptance step of speculative decoding (arXiv 2211.17192, algorithm 1), in one workgroup: drafted token i is
// accepted with probability min(1, p/q); the first rejected one is replaced by a draw from max(0, p - q), and the last
// accepted one is followed by a draw from p. All rows are processed, also those after a rejection, so that barriers are
// in uniform control flow. The token is -1 if its row has nothing to draw.
#include not_a_number
#include random
#include reduce
#include reduce_index

struct Params {
  drafted: u32,
  width: u32,
  seed: u32,
  counter: u32,
  inverseTemperature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> wanted: array<f32>;
@group(0) @binding(2) var<storage, read> guessed: array<f32>;
@group(0) @binding(3) var<storage, read> tokens: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<i32>;

// The seed is xored with these, because the numbers must be independent of those that made the draft.
const ACCEPT_SEED = 0x85ebca6bu;
const RESIDUAL_SEED = 0x9e3779b9u;

// The largest logit of a row, and the factor that makes e^((logit - largest) / temperature) a probability; 0 if nothing
// can be drawn.
struct Softmax {
  largest: f32,
  factor: f32,
}

fn probability(logit: f32, softmax: Softmax) -> f32 {
  // The largest becomes 0 even if it is infinite.
  let scaled = select((logit - softmax.largest) * params.inverseTemperature, 0.0, logit == softmax.largest);
  return select(exp(scaled) * softmax.factor, 0.0, logit <= LOWEST);
}

fn softmaxOf(largest: f32, total: f32, broken: f32) -> Softmax {
  return Softmax(largest, select(0.0, 1.0 / total, largest > LOWEST && broken == 0.0));
}

fn ofWanted(row: u32, lane: u32) -> Softmax {
  var largest = LOWEST;
  var broken = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    let logit = wanted[row * params.width + i];
    largest = max(largest, logit);
    broken = select(broken, 1.0, isNotANumber(logit));
  }
  largest = workgroupMax(largest, lane);
  broken = workgroupMax(broken, lane);
  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    sum += probability(wanted[row * params.width + i], Softmax(largest, 1.0));
  }
  return softmaxOf(largest, workgroupSum(sum, lane), broken);
}

fn ofGuessed(row: u32, lane: u32) -> Softmax {
  var largest = LOWEST;
  var broken = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    let logit = guessed[row * params.width + i];
    largest = max(largest, logit);
    broken = select(broken, 1.0, isNotANumber(logit));
  }
  largest = workgroupMax(largest, lane);
  broken = workgroupMax(broken, lane);
  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    sum += probability(guessed[row * params.width + i], Softmax(largest, 1.0));
  }
  return softmaxOf(largest, workgroupSum(sum, lane), broken);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var accepted = 0u;
  var isOver = false;
  var isBroken = false;
  var p = Softmax(0.0, 0.0);
  var q = Softmax(0.0, 0.0);
  for (var i = 0u; i < params.drafted; i++) {
    let wish = ofWanted(i, lane);
    let draft = ofGuessed(i, lane);
    let isToken = u32(tokens[i]) < params.width;
    let at = i * params.width + select(0u, u32(tokens[i]), isToken);
    let limit = uniformNumber(params.seed ^ ACCEPT_SEED, params.counter, i, 0) * probability(guessed[at], draft);
    let canDraw = wish.factor > 0.0 && draft.factor > 0.0;
    if (!isOver && canDraw && isToken && limit < probability(wanted[at], wish)) {
      accepted += 1;
    } else if (!isOver) {
      isBroken = !canDraw;
      isOver = true;
      p = wish;
      q = draft;
    }
  }
  let afterAll = ofWanted(params.drafted, lane);
  if (!isOver) {
    p = afterAll;
    isBroken = afterAll.factor <= 0.0;
  }

  let base = accepted * params.width;
  var residual = 0.0;
  if (isOver) {
    for (var i = lane; i < params.width; i += WORKGROUP) {
      residual = max(residual, probability(wanted[base + i], p) - probability(guessed[base + i], q));
    }
  }
  let hasResidual = workgroupMax(residual, lane) > 0.0;
  var best = -1.0;
  var index = lane;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    var weight = probability(wanted[base + i], p);
    if (hasResidual) {
      weight = max(0.0, weight - probability(guessed[base + i], q));
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
    out[1] = select(i32(token), -1, isBroken);
  }
}
