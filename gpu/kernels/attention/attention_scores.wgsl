// Scores before the softmax, [b, H, n, memory + columns]: an invocation for each.
#include attention_inputs
#include keys

@group(0) @binding(1) var<storage, read> q: array<VALUE>;
@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;
@group(0) @binding(10) var<storage, read_write> out: array<f32>;

fn score(batch: u32, head: u32, i: u32, index: u32) -> f32 {
  let kvHead = head % params.kvHeads;
  let base = queryOffset(batch, i, head);
  var sum = 0.0;
  if (index < params.memory) {
    let key = memoryOffset(kvHead, index);
    for (var u = 0u; u < UNITS; u++) {
      sum += product(q[base + u], memoryKeys[key + u]);
    }
    return biased(sum * params.scale, true, batch, head, 0, 0);
  }
  let first = firstPosition(batch);
  let own = first + i32(i);
  let column = index - params.memory;
  let position = keyPosition(column, first + i32(params.queries) - 1);
  let key = keyOffset(keyRow(batch), kvHead, column);
  for (var u = 0u; u < UNITS; u++) {
#if HAS_DECAY
    sum += product(q[base + u] * decayed(u, blockOf(own) - blockOf(position)), keyUnit(key, u));
#else
    sum += product(q[base + u], keyUnit(key, u));
#endif
  }
  return biased(sum * params.scale, false, batch, head, own, position);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
) {
  let index = group.x * WORKGROUP + lane;
  let width = params.memory + params.columns;
  // Queries of all heads and batch rows go along y, folded into z.
  let row = group.z * ROWS_IN_Y + group.y;
  let i = row % params.queries;
  let head = (row / params.queries) % params.heads;
  let batch = row / (params.queries * params.heads);
  if (index < width && row < params.count) {
    out[row * width + index] = score(batch, head, i, index);
  }
}
