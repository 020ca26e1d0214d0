// What the variants of `linear` are given: x [rows, inSize] and sizes.
#include activation

struct Params {
  rows: u32,
  // Features of a row of x; quads and elements of a row of the weight.
  inSize: u32,
  quads: u32,
  stride: u32,
  // Rows of the weight at hand, where they begin among all, and features of a row of the result.
  columns: u32,
  firstColumn: u32,
  outSize: u32,
  // Quads of a row to take, or pieces of it in `linear_vector`: first ≤ i < end, and whether none are left afterwards.
  first: u32,
  end: u32,
  isLast: u32,
#if HAS_SUM
  factor: f32,
#endif
}

@group(0) @binding(0) var<uniform> params: Params;
#if VECTORS
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

fn xQuad(row: u32, quad: u32) -> vec4<f32> {
  return x[row * params.quads + quad];
}
#else
@group(0) @binding(1) var<storage, read> x: array<f32>;

fn xQuad(row: u32, quad: u32) -> vec4<f32> {
  let first = row * params.inSize + quad * 4;
  var value = vec4<f32>(x[first], 0.0, 0.0, 0.0);
  let left = params.inSize - quad * 4;
  if (left > 1) {
    value.y = x[first + 1];
  }
  if (left > 2) {
    value.z = x[first + 2];
  }
  if (left > 3) {
    value.w = x[first + 3];
  }
  return value;
}
#endif
