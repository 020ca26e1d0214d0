// A weight in f16, on devices that have such numbers (F16) and on those that don't.
#if F16
@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return vec4<f32>(weight[row + quad]);
}
#else
@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;

fn weightQuad(row: u32, quad: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(weight[row + quad].x), unpack2x16float(weight[row + quad].y));
}
#endif
#include single_quads
