// Pairs of features rotated by the angles of a table (arXiv 2104.09864); other features pass through.

// For each position the cosines, then the sines.
@group(0) @binding(2) var<storage, read> angles: array<f32>;

// The rotated value of x[i].
fn rotated(i: u32) -> f32 {
  let feature = (i % params.width) % params.headWidth;
  if (feature >= params.rotated) {
    return x[i];
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
  return x[i] * cosine + x[other] * sine;
}
