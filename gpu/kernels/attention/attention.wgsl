// Flash attention (arXiv 2205.14135) for many queries: an invocation keeps QUERIES of them, their running maxima and
// their weighted sums of values, and goes along the keys, KEYS at a time. With STAGED a workgroup loads each run of
// keys and values once into workgroup memory. Without it every invocation reads them itself, which is faster on
// adapters that are a CPU, because there a load costs more than the arithmetic on it, unless several queries share it
// (4 × 4 instead of 1 × 4: 3 times as fast on llvmpipe).
//
// If a device's loops don't reach over all keys (PARTS), a dispatch takes some of them and stores the state of each
// query for the next one, as `attention_decode` does for its splits; `attention_reduce` computes the result from it.
#include attention_inputs
#include keys
#include scalar
#include values

@group(0) @binding(1) var<storage, read> q: array<VALUE>;
@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;
@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;
#if PARTS
// For each query: the sums, then the maximum and the total in a unit each.
@group(0) @binding(10) var<storage, read_write> partials: array<VALUE>;
#else
@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;
#endif

#if STAGED
var<workgroup> keyTile: array<VALUE, KEYS * UNITS>;
var<workgroup> valueTile: array<VALUE, KEYS * UNITS>;
#endif

// The state of an invocation's queries. Registers can't be indexed, so if loops over a head aren't unrolled (which
// takes llvmpipe seconds for each kernel), queries and sums are in workgroup memory instead, where each invocation uses
// its own part.
#if STAGED
var<private> query: array<VALUE, QUERIES * UNITS>;
var<private> sums: array<VALUE, QUERIES * UNITS>;

fn slot(r: u32, u: u32, lane: u32) -> u32 {
  return r * UNITS + u;
}
#else
var<workgroup> query: array<VALUE, QUERIES * UNIT_ROOM * WORKGROUP>;
var<workgroup> sums: array<VALUE, QUERIES * UNIT_ROOM * WORKGROUP>;

fn slot(r: u32, u: u32, lane: u32) -> u32 {
  return (r * UNITS + u) * WORKGROUP + lane;
}
#endif
var<private> largest: array<f32, QUERIES>;
var<private> total: array<f32, QUERIES>;
var<private> scores: array<array<f32, KEYS>, QUERIES>;
// The factor that rescales the earlier sums to the new maximum.
var<private> correction: array<f32, QUERIES>;

// Turns the scores of KEYS keys into weights, relative to the new maximum.
fn weigh() {
  for (var r = 0u; r < QUERIES; r++) {
    var next = largest[r];
    for (var c = 0u; c < KEYS; c++) {
      next = max(next, scores[r][c]);
    }
    correction[r] = exp(largest[r] - next);
    total[r] *= correction[r];
    for (var c = 0u; c < KEYS; c++) {
      scores[r][c] = select(exp(scores[r][c] - next), 0.0, scores[r][c] <= LOWEST);
      total[r] += scores[r][c];
    }
    largest[r] = next;
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let head = group.y;
  let batch = group.z;
  let kvHead = head % params.kvHeads;
  let kept = keyRow(batch);
  let first = firstPosition(batch);
  let last = first + i32(params.queries) - 1;
  // Neighboring invocations have neighboring queries; those past the last query repeat its work and write nothing.
  let firstQuery = group.x * WORKGROUP * QUERIES + lane;
  var base: array<u32, QUERIES>;
  for (var r = 0u; r < QUERIES; r++) {
    base[r] = queryOffset(batch, min(firstQuery + r * WORKGROUP, params.queries - 1), head);
    for (var u = 0u; u < UNITS; u++) {
      query[slot(r, u, lane)] = q[base[r] + u] * params.scale;
      sums[slot(r, u, lane)] = VALUE(0.0);
    }
    largest[r] = LOWEST;
#if PARTS
    if (params.resumes != 0) {
      let known = (base[r] / UNITS) * (UNITS + 2);
      for (var u = 0u; u < UNITS; u++) {
        sums[slot(r, u, lane)] = partials[known + u];
      }
      largest[r] = scalar(partials[known + UNITS]);
      total[r] = scalar(partials[known + UNITS + 1]);
    }
#endif
  }

  for (var column = params.firstMemory; column < params.endMemory; column++) {
    let key = memoryOffset(kvHead, column);
    for (var r = 0u; r < QUERIES; r++) {
      var score = 0.0;
      for (var u = 0u; u < UNITS; u++) {
        score += product(query[slot(r, u, lane)], memoryKeys[key + u]);
      }
      scores[r][0] = biased(score, true, batch, head, 0, 0);
      for (var c = 1u; c < KEYS; c++) {
        scores[r][c] = LOWEST;
      }
    }
    weigh();
    for (var r = 0u; r < QUERIES; r++) {
      for (var u = 0u; u < UNITS; u++) {
        sums[slot(r, u, lane)] = sums[slot(r, u, lane)] * correction[r] + scores[r][0] * memoryValues[key + u];
      }
    }
  }

#if HAS_DECAY
  // Blocks between each query and the keys that `query` is scaled for.
  var blocks: array<i32, QUERIES>;
#endif
  // Keys of later positions than the last query here are behind all others, unless a cache has wrapped around.
  let ownLast = first + i32(min((group.x + 1) * WORKGROUP * QUERIES, params.queries)) - 1;
  let isOrdered = (params.causal != 0) & (last < i32(params.columns));
  let end = min(visibleColumns(select(last, ownLast, isOrdered)), params.endColumn);
  var column = params.firstColumn;
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
    for (var r = 0u; r < QUERIES; r++) {
      let wanted = blockOf(first + i32(firstQuery + r * WORKGROUP)) - blockOf(position);
      if (wanted != blocks[r]) {
        blocks[r] = wanted;
        for (var u = 0u; u < UNITS; u++) {
          query[slot(r, u, lane)] = q[base[r] + u] * decayed(u, wanted) * params.scale;
        }
      }
    }
#endif
#if STAGED
    workgroupBarrier();
    for (var t = lane; t < count * UNITS; t += WORKGROUP) {
      let offset = keyOffset(kept, kvHead, column + t / UNITS);
      keyTile[t] = keyUnit(offset, t % UNITS);
      valueTile[t] = valueUnit(offset, t % UNITS);
    }
    workgroupBarrier();
#endif
    var offsets: array<u32, KEYS>;
    for (var c = 0u; c < KEYS; c++) {
#if STAGED
      offsets[c] = min(c, count - 1) * UNITS;
#else
      offsets[c] = keyOffset(kept, kvHead, column + min(c, count - 1));
#endif
      for (var r = 0u; r < QUERIES; r++) {
        scores[r][c] = 0.0;
      }
    }
    for (var u = 0u; u < UNITS; u++) {
      for (var c = 0u; c < KEYS; c++) {
#if STAGED
        let key = keyTile[offsets[c] + u];
#else
        let key = keyUnit(offsets[c], u);
#endif
        for (var r = 0u; r < QUERIES; r++) {
          scores[r][c] += product(query[slot(r, u, lane)], key);
        }
      }
    }
    for (var r = 0u; r < QUERIES; r++) {
      let own = first + i32(firstQuery + r * WORKGROUP);
      for (var c = 0u; c < KEYS; c++) {
        let key = position + i32(c);
        scores[r][c] = select(LOWEST, biased(scores[r][c], false, batch, head, own, key), c < count);
      }
    }
    weigh();
    for (var u = 0u; u < UNITS; u++) {
      var values: array<VALUE, KEYS>;
      for (var c = 0u; c < KEYS; c++) {
#if STAGED
        values[c] = valueTile[offsets[c] + u];
#else
        values[c] = valueUnit(offsets[c], u);
#endif
      }
      for (var r = 0u; r < QUERIES; r++) {
        var sum = sums[slot(r, u, lane)] * correction[r];
        for (var c = 0u; c < KEYS; c++) {
          sum += scores[r][c] * values[c];
        }
        sums[slot(r, u, lane)] = sum;
      }
    }
    column += count;
  }

  for (var r = 0u; r < QUERIES; r++) {
    if (firstQuery + r * WORKGROUP < params.queries) {
#if PARTS
      let known = (base[r] / UNITS) * (UNITS + 2);
      for (var u = 0u; u < UNITS; u++) {
        partials[known + u] = sums[slot(r, u, lane)];
      }
      partials[known + UNITS] = VALUE(largest[r]);
      partials[known + UNITS + 1] = VALUE(total[r]);
#else
      let inverse = select(1.0 / total[r], 0.0, total[r] == 0.0);
      for (var u = 0u; u < UNITS; u++) {
        out[base[r] + u] = sums[slot(r, u, lane)] * inverse;
      }
#endif
    }
  }
}
