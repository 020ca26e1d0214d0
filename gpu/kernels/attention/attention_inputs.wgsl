// Inputs of the attention kernels. A unit is the part of a head's features that one load fetches: four if the width of
// a head allows it (VALUE is vec4<f32>), else one; a head has UNITS of them.
#include cache_row

struct Params {
  // Queries of a batch row; keys of one, or slots of a cache; learned keys in front of them.
  queries: u32,
  columns: u32,
  memory: u32,
  heads: u32,
  kvHeads: u32,
  maskColumns: u32,
  scale: f32,
  // How many splits of the keys (attention_decode), rows (attention_scores) or batch rows (attention_values) there are.
  count: u32,
  units: u32,
  causal: u32,
  // Numbers that `positions` has of a sequence: 1, the position of its first query; 2, with it the row of the cache
  // that the sequence has. 0: queries are the last of the keys.
  positionNumbers: u32,
  cacheRows: u32,
  // The learned keys and the columns that `attention` and `attention_values` take, first ≤ i < end, and whether they
  // continue an earlier dispatch.
  firstMemory: u32,
  endMemory: u32,
  firstColumn: u32,
  endColumn: u32,
  resumes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// If there are no positions, mask or learned keys, another buffer is bound in their place, so that fewer kernels need
// compiling.
@group(0) @binding(4) var<storage, read> positions: array<i32>;
@group(0) @binding(5) var<storage, read> mask: array<i32>;
// Small tables are uniforms: a stage may have no more than eight storage buffers.
#if HAS_SLOPES
@group(0) @binding(8) var<uniform> slopes: array<vec4<f32>, SLOPE_QUADS>;
#endif
#if HAS_DECAY
@group(0) @binding(9) var<uniform> decay: array<vec4<f32>, DECAY_QUADS>;
#endif

// A unit of keys or values from its stored form: pairs of halves in an f16 cache, whose heads are whole vectors; in
// q8_0 a word of quants, and one of the words behind them with the scales of its block of eight units and of another.
#if FORMAT == q8_0
#include blocks
fn unitOf(quants: u32, scales: u32, unit: u32) -> VALUE {
  return blockScale(scales, unit / 8) * signedBytes(quants);
}

fn rowSize() -> u32 {
  return UNITS + (UNITS + 15) / 16;
}
#else
#if FORMAT == f16
fn unitOf(stored: vec2<u32>) -> VALUE {
  return VALUE(unpack2x16float(stored.x), unpack2x16float(stored.y));
}
#else
fn unitOf(stored: VALUE) -> VALUE {
  return stored;
}
#endif

fn rowSize() -> u32 {
  return UNITS;
}
#endif

fn product(a: VALUE, b: VALUE) -> f32 {
#if VECTORS
  return dot(a, b);
#else
  return a * b;
#endif
}

// No branch here depends on parameters alone: if that leaves out half of a kernel, lavapipe compiles it anew for the
// parameters of every dispatch and never frees the result, 60 ms and 1.8 MB each time in `attention_decode`.

// The position of a sequence's first query.
fn firstPosition(batch: u32) -> i32 {
  let given = positions[batch * params.positionNumbers];
  return select(i32(params.columns) - i32(params.queries), given, params.positionNumbers != 0);
}

// The row of the keys and values that a sequence has.
fn keyRow(batch: u32) -> u32 {
#if CACHE
  return cacheRow(batch);
#else
  return batch;
#endif
}

// The position of the key in a column; negative for a slot that holds none yet. `last` is the last query's position.
fn keyPosition(column: u32, last: i32) -> i32 {
#if CACHE
  let capacity = i32(params.columns);
  let behind = last - i32(column);
  // Vulkan leaves the remainder of a negative number undefined; on an NVIDIA H200 it is not JavaScript's.
  return select(last - max(behind, 0) % capacity, -1, behind < 0);
#else
  return i32(column);
#endif
}

// Columns from the first on that can hold a key which some query up to `last` sees.
fn visibleColumns(last: i32) -> u32 {
  return select(params.columns, min(params.columns, u32(max(last + 1, 0))), CACHE | (params.causal != 0));
}

fn isVisible(batch: u32, query: i32, key: i32) -> bool {
  let newest = select(0x7fffffff, query, params.causal != 0);
  if (key < 0 || key > newest) {
    return false;
  }
  return u32(key) >= params.maskColumns || mask[batch * params.maskColumns + u32(key)] != 0;
}

// What happens to a score between the product and the softmax: ALiBi (arXiv 2108.12409) subtracts a penalty for the
// distance between query and key, and hidden keys get LOWEST. Learned keys have no position.
fn biased(score: f32, isLearned: bool, batch: u32, head: u32, query: i32, key: i32) -> f32 {
  if (isLearned) {
    return score;
  }
  if (!isVisible(batch, query, key)) {
    return LOWEST;
  }
#if HAS_SLOPES
  return score - slopes[head / 4][head % 4] * f32(abs(query - key));
#else
  return score;
#endif
}

// Blocks of positions whose xPos scales are relative to the same center.
fn blockOf(position: i32) -> i32 {
  return position >> XPOS_SHIFT;
}

#if HAS_DECAY
fn decayOf(unit: u32) -> VALUE {
#if VECTORS
  return decay[unit];
#else
  return decay[unit / 4][unit % 4];
#endif
}

// decay^blocks of one unit of features.
fn decayed(unit: u32, blocks: i32) -> VALUE {
  var base = decayOf(unit);
  if (blocks < 0) {
    base = VALUE(1.0) / base;
  }
  var power = VALUE(1.0);
  for (var rest = u32(abs(blocks)); rest > 0; rest >>= 1) {
    if ((rest & 1) == 1) {
      power *= base;
    }
    base *= base;
  }
  return power;
}
#endif

// Where a key or value begins.
fn keyOffset(row: u32, kvHead: u32, column: u32) -> u32 {
#if CACHE
  return ((row * params.kvHeads + kvHead) * params.columns + column) * rowSize();
#else
  return ((row * params.columns + column) * params.kvHeads + kvHead) * rowSize();
#endif
}

fn memoryOffset(kvHead: u32, column: u32) -> u32 {
  return (kvHead * params.memory + column) * UNITS;
}

fn queryOffset(batch: u32, query: u32, head: u32) -> u32 {
  return ((batch * params.queries + query) * params.heads + head) * UNITS;
}
