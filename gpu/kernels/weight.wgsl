// Rows of a weight [out, in] as quads of values, `quads` to a row, the last filled up with zeros.
#if FORMAT == f32
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;

fn weightQuad(i: u32) -> vec4<f32> {
  return weight[i];
}
#endif
#if FORMAT == f16
#if F16
@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;

fn weightQuad(i: u32) -> vec4<f32> {
  return vec4<f32>(weight[i]);
}
#else
@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;

fn weightQuad(i: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(weight[i].x), unpack2x16float(weight[i].y));
}
#endif
#endif
