import { ActivationId } from "../../records/kernel_id";
import { erf, lanes, sigmoid } from "../common/math";
import { madd } from "../common/simd";

const HALF = memory.data<f32>([0.5]);
const SQRT_HALF = memory.data<f32>([0.7071067811865476]);
/** √(8/π), and 0.044715 times that. */
const TANH_LINEAR = memory.data<f32>([1.5957691216057308]);
const TANH_CUBIC = memory.data<f32>([0.07135481627260025]);

/** An activation of four lanes. Inlined: where `id` is a constant, one branch is left. */
// @ts-ignore: decorator
@inline
export function activation(x: v128, id: i32): v128 {
  switch (id) {
    case ActivationId.gelu:
      return gelu(x);
    case ActivationId.geluTanh:
      return geluTanh(x);
    case ActivationId.silu:
      return f32x4.mul(x, sigmoid(x));
    case ActivationId.relu:
      return f32x4.max(x, f32x4.splat(0));
    case ActivationId.reluSquared: {
      const positive = f32x4.max(x, f32x4.splat(0));
      return f32x4.mul(positive, positive);
    }
    case ActivationId.sigmoid:
      return sigmoid(x);
    default:
      return x;
  }
}

/** x/2 · (1 + erf(x / √2)), the exact GELU (arXiv 1606.08415). */
// @ts-ignore: decorator
@inline
function gelu(x: v128): v128 {
  const half = f32x4.mul(x, lanes(HALF));
  return madd(half, erf(f32x4.mul(x, lanes(SQRT_HALF))), half);
}

/** x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which is x · sigmoid(√(8/π) (x + 0.044715 x³)). */
// @ts-ignore: decorator
@inline
function geluTanh(x: v128): v128 {
  const slope = madd(f32x4.mul(x, x), lanes(TANH_CUBIC), lanes(TANH_LINEAR));
  return f32x4.mul(x, sigmoid(f32x4.mul(x, slope)));
}

/** Applies an activation to `count` values at `from`, giving those at `to`, which may be the same. */
export function activateValues(from: usize, to: usize, count: i32, id: i32): void {
  // One loop each: a call and a switch for every four values took longer than most activations.
  switch (id) {
    case ActivationId.gelu:
      return mapValues(from, to, count, ActivationId.gelu);
    case ActivationId.geluTanh:
      return mapValues(from, to, count, ActivationId.geluTanh);
    case ActivationId.silu:
      return mapValues(from, to, count, ActivationId.silu);
    case ActivationId.relu:
      return mapValues(from, to, count, ActivationId.relu);
    case ActivationId.reluSquared:
      return mapValues(from, to, count, ActivationId.reluSquared);
    case ActivationId.sigmoid:
      return mapValues(from, to, count, ActivationId.sigmoid);
    default:
      memory.copy(to, from, <usize> count << 2);
  }
}

// @ts-ignore: decorator
@inline
function mapValues(from: usize, to: usize, count: i32, id: i32): void {
  const end = to + (<usize> count << 2);
  for (const vectors = to + (<usize> (count & ~3) << 2); to < vectors; from += 16, to += 16) {
    v128.store(to, activation(v128.load(from), id));
  }
  for (; to < end; from += 4, to += 4) {
    store<f32>(to, f32x4.extract_lane(activation(v128.load32_splat(from), id), 0));
  }
}
