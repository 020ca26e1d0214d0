// Rotates pairs of features by the angles of a table (arXiv 2104.09864); other features pass through.
#include indices

struct Params {
  size: u32,
  // Features of a row, of a head, and rotated ones of a head.
  width: u32,
  dim: u32,
  rotated: u32,
  // Rows of the table, which repeats over the rows of x.
  tableRows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
// For each position the cosines, then the sines.
@group(0) @binding(2) var<storage, read> angles: array<f32>;
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
  let feature = (i % params.width) % params.dim;
  if (feature >= params.rotated) {
    out[i] = x[i];
    return;
  }
  let half = params.rotated / 2;
#if ADJACENT
  let pair = feature / 2;
  let isFirst = feature % 2 == 0;
  let other = select(i - 1, i + 1, isFirst);
#else
  let pair = feature % half;
  let isFirst = feature < half;
  let other = select(i - half, i + half, isFirst);
#endif
  let base = ((i / params.width) % params.tableRows) * params.rotated;
  let cosine = angles[base + pair];
  let sine = select(1.0, -1.0, isFirst) * angles[base + half + pair];
  out[i] = x[i] * cosine + x[other] * sine;
}
