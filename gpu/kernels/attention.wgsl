// Flash attention (arXiv 2205.14135) for many queries: an invocation keeps one query, its running maximum and its weighted sum of
// values in registers and goes along the keys, KEYS at a time. With STAGED a workgroup of neighbouring queries loads each run of
// keys and values once into workgroup memory; without, every invocation reads them itself, which suits adapters that are a CPU.
#include attention_inputs

@group(0) @binding(1) var<storage, read> q: array<VALUE>;
@group(0) @binding(2) var<storage, read> k: array<VALUE>;
@group(0) @binding(3) var<storage, read> v: array<VALUE>;
#if HAS_MEMORY
@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;
@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;
#endif
@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;

#if STAGED
var<workgroup> keyTile: array<VALUE, KEYS * UNITS>;
var<workgroup> valueTile: array<VALUE, KEYS * UNITS>;
#endif

// What an invocation knows of its query.
var<private> query: array<VALUE, UNITS>;
var<private> sums: array<VALUE, UNITS>;
var<private> largest: f32 = LOWEST;
var<private> total: f32 = 0.0;
var<private> scores: array<f32, KEYS>;

// Takes in `count` keys whose scores stand in `scores`: rescales what is there to the new maximum and gives the new weights.
fn weigh() -> f32 {
  var next = largest;
  for (var c = 0u; c < KEYS; c++) {
    next = max(next, scores[c]);
  }
  let correction = exp(largest - next);
  total *= correction;
  for (var c = 0u; c < KEYS; c++) {
    scores[c] = select(exp(scores[c] - next), 0.0, scores[c] <= LOWEST);
    total += scores[c];
  }
  largest = next;
  return correction;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let head = group.y;
  let batch = group.z;
  let kvHead = head % params.kvHeads;
  let firstQuery = group.x * WORKGROUP;
  // Invocations past the last query do its work again and write nothing.
  let i = min(firstQuery + lane, params.queries - 1);
  let first = firstPosition(batch);
  let last = first + i32(params.queries) - 1;
  let own = first + i32(i);
  let base = queryOffset(batch, i, head);
  for (var u = 0u; u < UNITS; u++) {
    query[u] = q[base + u] * params.scale;
  }

#if HAS_MEMORY
  for (var column = 0u; column < params.memory; column += KEYS) {
    for (var c = 0u; c < KEYS; c++) {
      scores[c] = LOWEST;
      if (column + c < params.memory) {
        let key = memoryOffset(kvHead, column + c);
        var score = 0.0;
        for (var u = 0u; u < UNITS; u++) {
          score += product(query[u], memoryKeys[key + u]);
        }
        scores[c] = score;
      }
    }
    let correction = weigh();
    for (var u = 0u; u < UNITS; u++) {
      var sum = sums[u] * correction;
      for (var c = 0u; c < KEYS; c++) {
        if (column + c < params.memory) {
          sum += scores[c] * memoryValues[memoryOffset(kvHead, column + c) + u];
        }
      }
      sums[u] = sum;
    }
  }
#endif

#if HAS_DECAY
  // Blocks between the query and the keys that `query` is scaled for.
  var blocks = 0;
#endif
#if CAUSAL
  let end = visibleColumns(select(last, first + i32(min(firstQuery + WORKGROUP, params.queries)) - 1, last < i32(params.columns)));
#else
  let end = visibleColumns(last);
#endif
  var column = 0u;
  while (column < end) {
    // A run of keys has consecutive positions, all in one xPos block.
    let position = keyPosition(column, last);
    var count = min(KEYS, end - column);
#if CACHE
    let newest = u32(max(last, 0)) % params.columns;
    if (column <= newest) {
      count = min(count, newest + 1 - column);
    }
#endif
#if HAS_DECAY
    count = min(count, u32(XPOS_BLOCK - (position & (XPOS_BLOCK - 1))));
    let wanted = blockOf(own) - blockOf(position);
    if (wanted != blocks) {
      blocks = wanted;
      for (var u = 0u; u < UNITS; u++) {
        query[u] = q[base + u] * decayed(u, blocks) * params.scale;
      }
    }
#endif
#if STAGED
    workgroupBarrier();
    for (var t = lane; t < count * UNITS; t += WORKGROUP) {
      let offset = keyOffset(batch, kvHead, column + t / UNITS) + t % UNITS;
      keyTile[t] = k[offset];
      valueTile[t] = v[offset];
    }
    workgroupBarrier();
#endif
    for (var c = 0u; c < KEYS; c++) {
      scores[c] = 0.0;
    }
    for (var u = 0u; u < UNITS; u++) {
      let unit = query[u];
      for (var c = 0u; c < KEYS; c++) {
#if STAGED
        scores[c] += product(unit, keyTile[min(c, count - 1) * UNITS + u]);
#else
        scores[c] += product(unit, k[keyOffset(batch, kvHead, column + min(c, count - 1)) + u]);
#endif
      }
    }
    for (var c = 0u; c < KEYS; c++) {
      let key = position + i32(c);
      if (c < count && isVisible(batch, own, key)) {
        scores[c] += distanceBias(head, own, key);
      } else {
        scores[c] = LOWEST;
      }
    }
    let correction = weigh();
    for (var u = 0u; u < UNITS; u++) {
      var sum = sums[u] * correction;
      for (var c = 0u; c < KEYS; c++) {
#if STAGED
        sum += scores[c] * valueTile[min(c, count - 1) * UNITS + u];
#else
        sum += scores[c] * v[keyOffset(batch, kvHead, column + min(c, count - 1)) + u];
#endif
      }
      sums[u] = sum;
    }
    column += count;
  }

  if (firstQuery + lane < params.queries) {
    let inverse = select(1.0 / total, 0.0, total == 0.0);
    for (var u = 0u; u < UNITS; u++) {
      out[base + u] = sums[u] * inverse;
    }
  }
}
