// Rows of a weight by token id. A weight in several parts takes a dispatch for each, which writes the rows that it
// holds; the first also writes zeros for ids that no part has.
#include indices
#include weight

struct Params {
  // Quads of all rows, and of one row; elements of a row of the weight.
  size: u32,
  quads: u32,
  stride: u32,
  width: u32,
  // Rows that this part of the weight begins with and holds, and those of all parts.
  firstRow: u32,
  rows: u32,
  numTokens: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> tokens: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

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
  let quad = i % params.quads;
  let id = u32(tokens[i / params.quads]);
  let row = id - params.firstRow;
  var value = vec4<f32>();
  if (row < params.rows) {
    value = weightQuad(row * params.stride, quad);
  } else if (id < params.numTokens || params.firstRow > 0) {
    return;
  }
  let first = (i / params.quads) * params.width + quad * 4;
  for (var e = 0u; e < 4 && quad * 4 + e < params.width; e++) {
    out[first + e] = value[e];
  }
}
