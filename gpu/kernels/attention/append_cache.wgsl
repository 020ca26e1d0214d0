// Writes keys or values [b, n, KV·d] into a cache [rows, KV, capacity, d], at their positions modulo its capacity.
#include indices
#include cache_row
#if FORMAT == f16
#include half
#endif

struct Params {
  size: u32,
  // Rows of x in each batch row, key heads, slots, and features of a head.
  rows: u32,
  kvHeads: u32,
  capacity: u32,
  dim: u32,
  // Numbers that `positions` has of a sequence: 1, the position of its first row; 2, with it the row of the cache that
  // the sequence has.
  positionNumbers: u32,
  cacheRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
#if HAS_LENGTHS
@group(0) @binding(3) var<storage, read> lengths: array<i32>;
#endif
@group(0) @binding(4) var<storage, read_write> cache: array<STORED>;

#if FORMAT == f16
fn stored(value: VALUE) -> vec2<u32> {
  return vec2<u32>(halfPair(value.xy), halfPair(value.zw));
}
#else
fn stored(value: VALUE) -> VALUE {
  return value;
}
#endif

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
  let feature = i % params.dim;
  let head = (i / params.dim) % params.kvHeads;
  let row = (i / (params.dim * params.kvHeads)) % params.rows;
  let batch = i / (params.dim * params.kvHeads * params.rows);
#if HAS_LENGTHS
  if (i32(row) >= lengths[batch]) {
    return;
  }
#endif
  let position = positions[batch * params.positionNumbers] + i32(row);
  if (position < 0) {
    return;
  }
  let slot = u32(position) % params.capacity;
  let keptHead = cacheRow(batch) * params.kvHeads + head;
  cache[(keptHead * params.capacity + slot) * params.dim + feature] = stored(x[i]);
}
