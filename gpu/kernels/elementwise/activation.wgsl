#include math

fn none(x: VALUE) -> VALUE {
  return x;
}

// x/2 (1 + erf(x / √2)), the exact GELU (arXiv 1606.08415).
fn gelu(x: VALUE) -> VALUE {
  let h = x * 0.5;
  return h * erf(x * 0.7071067811865476) + h;
}

fn sigmoid(x: VALUE) -> VALUE {
  // Beyond ±80 nothing changes, and e^80 is still far from overflow.
  return VALUE(1.0) / (VALUE(1.0) + exp(-clamp(x, VALUE(-80.0), VALUE(80.0))));
}

// x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), which is x · sigmoid(√(8/π) (x + 0.044715 x³)).
fn geluTanh(x: VALUE) -> VALUE {
  // Beyond ±10 the sigmoid is 0 or 1, and the cube of ±10 is still far from overflow.
  let a = clamp(x, VALUE(-10.0), VALUE(10.0));
  return x * sigmoid(a * (a * a * VALUE(0.07135481627260025) + VALUE(1.5957691216057308)));
}

fn silu(x: VALUE) -> VALUE {
  return x * sigmoid(x);
}

fn relu(x: VALUE) -> VALUE {
  return max(x, VALUE(0.0));
}

fn reluSquared(x: VALUE) -> VALUE {
  let positive = relu(x);
  return positive * positive;
}
