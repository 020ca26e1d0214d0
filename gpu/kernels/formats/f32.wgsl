// A weight in f32.
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return weight[row + quad];
}
#include single_quads
