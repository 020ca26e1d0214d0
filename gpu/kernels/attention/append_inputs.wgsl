// What is written into caches: keys, which may be rotated on the way (ROTARY), and where there are two CACHES, values
// too, whose invocations follow those of the keys.
#include indices
#include cache_row

struct Params {
  // Invocations of one cache.
  size: u32,
  // Rows of x in each batch row, key heads, slots, and units or blocks of a head.
  rows: u32,
  kvHeads: u32,
  capacity: u32,
  units: u32,
  // Numbers that `positions` has of a sequence: 1, the position of its first row; 2, with it the row of the cache that
  // the sequence has.
  positionNumbers: u32,
  cacheRows: u32,
#if ROTARY
  // Features of a row of x, of a head, and rotated ones of a head.
  width: u32,
  headWidth: u32,
  rotated: u32,
  // Rows of the table, which repeats over the rows of x.
  tableRows: u32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
#if ROTARY
@group(0) @binding(1) var<storage, read> x: array<f32>;
#include rotation
@group(0) @binding(3) var<storage, read_write> rotatedOut: array<VALUE>;
#else
@group(0) @binding(1) var<storage, read> x: array<VALUE>;
#endif
@group(0) @binding(4) var<storage, read> positions: array<i32>;
#if HAS_LENGTHS
@group(0) @binding(5) var<storage, read> lengths: array<i32>;
#endif
@group(0) @binding(6) var<storage, read_write> cache: array<STORED>;
#if CACHES == 2
@group(0) @binding(7) var<storage, read> values: array<VALUE>;
@group(0) @binding(8) var<storage, read_write> valueCache: array<STORED>;
#endif

// A unit of the keys; what it rotates, it also writes where the rotated keys are to be.
fn keyOf(unit: u32) -> VALUE {
#if ROTARY
#if LANES == 4
  let i = unit * 4;
  let value = vec4<f32>(rotated(i), rotated(i + 1), rotated(i + 2), rotated(i + 3));
#else
  let value = rotated(unit);
#endif
  rotatedOut[unit] = value;
  return value;
#else
  return x[unit];
#endif
}

fn unitOf(isValue: bool, unit: u32) -> VALUE {
#if CACHES == 2
  if (isValue) {
    return values[unit];
  }
#endif
  return keyOf(unit);
}

fn write(isValue: bool, at: u32, stored: STORED) {
#if CACHES == 2
  if (isValue) {
    valueCache[at] = stored;
    return;
  }
#endif
  cache[at] = stored;
}

// The slot of a row of x, counted over all heads and rows of the cache; -1 if it is left out.
fn slotOf(batch: u32, row: u32, head: u32) -> i32 {
#if HAS_LENGTHS
  if (i32(row) >= lengths[batch]) {
    return -1;
  }
#endif
  let position = positions[batch * params.positionNumbers] + i32(row);
  if (position < 0) {
    return -1;
  }
  let keptHead = cacheRow(batch) * params.kvHeads + head;
  return i32(keptHead * params.capacity + u32(position) % params.capacity);
}
