// A weight's rows, the bias and the result of a product.
#include weight

#if HAS_BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
#if HAS_SUM
// The result of an addition that follows: out + other · otherScale · factor.
@group(0) @binding(5) var<storage, read> other: array<f32>;
#if HAS_SCALE
@group(0) @binding(6) var<storage, read> otherScale: array<f32>;
#endif
@group(0) @binding(7) var<storage, read_write> sum: array<f32>;
#endif

fn store(row: u32, column: u32, product: f32) {
  if (row >= params.rows || column >= params.columns) {
    return;
  }
  let at = row * params.outSize + params.firstColumn + column;
  var value = product;
  if (params.first > 0) {
    value += out[at];
  }
  if (params.isLast != 0) {
#if HAS_BIAS
    value += bias[params.firstColumn + column];
#endif
    value = ACTIVATION(value);
#if HAS_SUM
    var added = other[at];
#if HAS_SCALE
    added *= otherScale[params.firstColumn + column];
#endif
    sum[at] = value + added * params.factor;
#endif
  }
  out[at] = value;
}
