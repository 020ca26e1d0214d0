// Attention of few queries over many keys, split along the keys: a workgroup takes WORKGROUP keys of one key head and
// all (or ROWS) of the queries that read it, so that keys and values are read once. For each query it gives a weighted
// sum of values, its maximum and its total, for `attention_reduce`; with one split it gives the result (DIRECT).
#include attention_inputs
#include keys
#include values
#include reduce

@group(0) @binding(1) var<storage, read> q: array<VALUE>;
@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;
@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;
#if DIRECT
@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;
#else
// For each query and split: the sums, then the maximum and the total in a unit each.
@group(0) @binding(10) var<storage, read_write> partials: array<VALUE>;
#endif

var<workgroup> weights: array<array<f32, WORKGROUP>, ROWS>;
var<workgroup> tile: array<VALUE, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let split = group.x;
  let kvHead = group.y % params.kvHeads;
  let firstRow = (group.y / params.kvHeads) * ROWS;
  let batch = group.z;
  let kept = keyRow(batch);
  let rows = params.queries * (params.heads / params.kvHeads);
  let first = firstPosition(batch);
  let last = first + i32(params.queries) - 1;
  let end = params.memory + visibleColumns(last);
  let firstKey = split * WORKGROUP;
  let keys = u32(clamp(i32(end) - i32(firstKey), 0, i32(WORKGROUP)));

  // The query and the head of each row; rows past the last one repeat its work and write nothing.
  var queries = array<u32, ROWS>();
  var heads = array<u32, ROWS>();
  for (var r = 0u; r < ROWS; r++) {
    let row = min(firstRow + r, rows - 1);
    heads[r] = kvHead + params.kvHeads * (row / params.queries);
    queries[r] = row % params.queries;
  }

  // Scores: an invocation takes one key to all the queries.
  let index = firstKey + lane;
  let isMemory = index < params.memory;
  let column = min(index - select(params.memory, index, isMemory), max(params.columns, 1u) - 1);
  let position = keyPosition(column, last);
  var scores = array<f32, ROWS>();
  if (lane < keys) {
    let key = keyOffset(kept, kvHead, column);
    for (var u = 0u; u < UNITS; u++) {
      var unit = keyUnit(key, u);
      if (isMemory) {
        unit = memoryKeys[memoryOffset(kvHead, index) + u];
      }
#if HAS_DECAY
      // The few queries are in one block of positions, or in two neighboring ones.
      var factor = VALUE(1.0);
      var nextFactor = factor;
      if (!isMemory) {
        factor = decayed(u, blockOf(first) - blockOf(position));
        nextFactor = factor * decayOf(u);
      }
#endif
      for (var r = 0u; r < ROWS; r++) {
        var value = q[queryOffset(batch, queries[r], heads[r]) + u];
#if HAS_DECAY
        value *= select(factor, nextFactor, blockOf(first + i32(queries[r])) != blockOf(first));
#endif
        scores[r] += product(value, unit);
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let own = first + i32(queries[r]);
    let score = biased(scores[r] * params.scale, isMemory, batch, heads[r], own, position);
    scores[r] = select(LOWEST, score, lane < keys);
  }

  // Weights of the keys, and the maximum and total of each query.
  var totals = array<f32, ROWS>();
  for (var r = 0u; r < ROWS; r++) {
    let largest = workgroupMax(scores[r], lane);
    let weight = select(exp(scores[r] - largest), 0.0, scores[r] <= LOWEST);
    weights[r][lane] = weight;
    totals[r] = workgroupSum(weight, lane);
#if !DIRECT
    if (lane == 0 && firstRow + r < rows) {
      let query = (batch * params.queries + queries[r]) * params.heads + heads[r];
      let offset = (query * params.count + split) * (UNITS + 2) + UNITS;
      partials[offset] = VALUE(largest);
      partials[offset + 1] = VALUE(totals[r]);
    }
#endif
  }

  // Values: an invocation takes one unit of features; if there are fewer units than invocations, these share the keys.
  workgroupBarrier();
  let unitsAtOnce = min(u32(UNITS), WORKGROUP);
  let shares = WORKGROUP / unitsAtOnce;
  let share = lane / unitsAtOnce;
  for (var firstUnit = 0u; firstUnit < UNITS; firstUnit += WORKGROUP) {
    let unit = firstUnit + lane % unitsAtOnce;
    var sums = array<VALUE, ROWS>();
    if (unit < UNITS && share < shares) {
      for (var c = share; c < keys; c += shares) {
        let key = firstKey + c;
        var value = VALUE(0.0);
        if (key < params.memory) {
          value = memoryValues[memoryOffset(kvHead, key) + unit];
        } else {
          value = valueUnit(keyOffset(kept, kvHead, key - params.memory), unit);
        }
        for (var r = 0u; r < ROWS; r++) {
          sums[r] += weights[r][c] * value;
        }
      }
    }
    for (var r = 0u; r < ROWS; r++) {
      tile[lane] = sums[r];
      workgroupBarrier();
      if (share == 0 && unit < UNITS && firstRow + r < rows) {
        var sum = VALUE(0.0);
        for (var s = 0u; s < shares; s++) {
          sum += tile[lane + s * unitsAtOnce];
        }
        let query = (batch * params.queries + queries[r]) * params.heads + heads[r];
#if DIRECT
        out[query * UNITS + unit] = sum * select(1.0 / totals[r], 0.0, totals[r] == 0.0);
#else
        partials[(query * params.count + split) * (UNITS + 2) + unit] = sum;
#endif
      }
      workgroupBarrier();
    }
  }
}
