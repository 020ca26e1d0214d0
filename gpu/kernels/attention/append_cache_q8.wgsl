// Writes keys or values [b, n, KV·d] into a q8_0 cache [rows, KV, capacity, d], at their positions modulo its capacity.
// An invocation makes a word of scales, so it takes two blocks of 32 features, or the last one of an odd number. The
// rounding is that of `quantize_row_q8_0_ref` of GGML's ggml-quants.c, to the bit: d = max |x| / 127, q = x / d to the
// nearest, halves away from zero.
#include append_inputs
#include half
#include exact_division

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

// Writes the quants of a block from a word on, where it is kept; gives the bits of its scale.
fn writeBlock(isValue: bool, quad: u32, isKept: bool, word: u32) -> u32 {
  var quads: array<vec4<f32>, 8>;
  var largest = 0.0;
  for (var i = 0u; i < 8; i++) {
    quads[i] = unitOf(isValue, quad + i);
    let pairs = max(abs(quads[i].xy), abs(quads[i].zw));
    largest = max(largest, max(pairs.x, pairs.y));
  }
  if (!isKept) {
    return 0;
  }
  let scale = over127(largest);
  let inverse = reciprocal(scale);
  for (var i = 0u; i < 8; i++) {
    write(isValue, word + i, roundedBytes(quads[i] * inverse));
  }
  return halfBits(scale);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (number >= params.size * CACHES) {
    return;
  }
  let isValue = number >= params.size;
  let i = number % params.size;
  let pairs = (params.units + 1) / 2;
  let block = (i % pairs) * 2;
  let head = i / pairs;
  let row = (head / params.kvHeads) % params.rows;
  let batch = head / (params.kvHeads * params.rows);
  let slot = slotOf(batch, row, head % params.kvHeads);
  let isKept = slot >= 0;
  let first = u32(max(slot, 0)) * (8 * params.units + pairs);
  let quad = (head * params.units + block) * 8;
  var scales = writeBlock(isValue, quad, isKept, first + 8 * block);
  if (block + 1 < params.units) {
    scales |= writeBlock(isValue, quad + 8, isKept, first + 8 * block + 8) << 16;
  }
  if (isKept) {
    write(isValue, first + 8 * params.units + block / 2, scales);
  }
}
