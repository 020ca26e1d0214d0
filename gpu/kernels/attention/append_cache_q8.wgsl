// Writes keys or values [b, n, KV·d] into a q8_0 cache [rows, KV, capacity, d], at their positions modulo its capacity.
// An invocation makes a word of scales, so it takes two blocks of 32 features, or the last one of an odd number. The
// rounding is that of `quantize_row_q8_0_ref` of GGML's ggml-quants.c, to the bit: d = max |x| / 127, q = x / d to the
// nearest, halves away from zero.
#include indices
#include cache_row
#include half
#include exact_division

struct Params {
  size: u32,
  // Rows of x in each batch row, key heads, slots, and blocks of a head.
  rows: u32,
  kvHeads: u32,
  capacity: u32,
  blocks: u32,
  // Numbers that `positions` has of a sequence: 1, the position of its first row; 2, with it the row of the cache that
  // the sequence has.
  positionNumbers: u32,
  cacheRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
#if HAS_LENGTHS
@group(0) @binding(3) var<storage, read> lengths: array<i32>;
#endif
@group(0) @binding(4) var<storage, read_write> cache: array<u32>;

// Whole numbers of at most 127 as signed bytes of a word. They are rounded by their bits because a compiler may fuse an
// addition with a product.
fn roundedBytes(values: vec4<f32>) -> u32 {
  let bits = bitcast<vec4<u32>>(values);
  let magnitude = bits & vec4<u32>(0x7fffffff);
  let shift = vec4<u32>(150) - (magnitude >> vec4<u32>(23));
  let mantissa = (magnitude & vec4<u32>(0x7fffff)) | vec4<u32>(0x800000);
  var whole = (mantissa + (vec4<u32>(1) << (shift - 1))) >> shift;
  // Values below a half, and NaN.
  whole = select(whole, vec4<u32>(0), (magnitude < vec4<u32>(0x3f000000)) | (magnitude >= vec4<u32>(0x43000000)));
  let bytes = select(whole, 0 - whole, bits > vec4<u32>(0x7fffffff)) & vec4<u32>(255);
  return bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);
}

// Writes the quants of a block; gives the bits of its scale.
fn writeBlock(quad: u32, word: u32) -> u32 {
  var largest = 0.0;
  for (var i = 0u; i < 8; i++) {
    let pairs = max(abs(x[quad + i].xy), abs(x[quad + i].zw));
    largest = max(largest, max(pairs.x, pairs.y));
  }
  let scale = over127(largest);
  let inverse = reciprocal(scale);
  for (var i = 0u; i < 8; i++) {
    cache[word + i] = roundedBytes(x[quad + i] * inverse);
  }
  return halfBits(scale);
}

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
  let pairs = (params.blocks + 1) / 2;
  let block = (i % pairs) * 2;
  let head = i / pairs;
  let row = (head / params.kvHeads) % params.rows;
  let batch = head / (params.kvHeads * params.rows);
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
  let keptHead = cacheRow(batch) * params.kvHeads + head % params.kvHeads;
  let first = (keptHead * params.capacity + slot) * (8 * params.blocks + pairs);
  let quad = (head * params.blocks + block) * 8;
  var scales = writeBlock(quad, first + 8 * block);
  if (block + 1 < params.blocks) {
    scales |= writeBlock(quad + 8, first + 8 * block + 8) << 16;
  }
  cache[first + 8 * params.blocks + block / 2] = scales;
}
