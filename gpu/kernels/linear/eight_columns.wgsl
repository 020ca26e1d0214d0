// Eight columns of a product of one row, each summed along its features by itself. Columns are written out because
// SwiftShader keeps arrays that a loop indexes in memory: 2560 × 2560 take 19 ms this way, 50 with sums in an array.
#include linear_result

fn multiply(column: u32) {
  let last = vec4<u32>(params.columns - 1);
  let a = min(column + vec4<u32>(0, 1, 2, 3), last) * params.stride;
  let b = min(column + vec4<u32>(4, 5, 6, 7), last) * params.stride;
  var sums = array<vec4<f32>, 8>();
  for (var quad = params.first; quad < params.end; quad++) {
    let value = xQuad(0, quad);
    sums[0] += value * weightQuad(a.x, quad);
    sums[1] += value * weightQuad(a.y, quad);
    sums[2] += value * weightQuad(a.z, quad);
    sums[3] += value * weightQuad(a.w, quad);
    sums[4] += value * weightQuad(b.x, quad);
    sums[5] += value * weightQuad(b.y, quad);
    sums[6] += value * weightQuad(b.z, quad);
    sums[7] += value * weightQuad(b.w, quad);
  }
  for (var c = 0u; c < 8; c++) {
    store(0, column + c, dot(sums[c], vec4<f32>(1.0)));
  }
}
