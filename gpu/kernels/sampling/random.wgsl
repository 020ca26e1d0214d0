// Random numbers without state: each is a function of a seed, the number of the draw, a row and a token.
#include logarithm

// pcg4d (Jarzynski and Olano 2020).
fn pcg4d(seed: u32, counter: u32, row: u32, token: u32) -> vec4<u32> {
  var v = vec4<u32>(seed, counter, row, token) * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4<u32>(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// From 0 to 1 - 2⁻²⁴.
fn uniformNumber(seed: u32, counter: u32, row: u32, token: u32) -> f32 {
  return f32(pcg4d(seed, counter, row, token).x >> 8) * 5.9604644775390625e-8;
}

// -log(1 - v) for a uniform v of 24 bits of the first word and 23 of the second: small times, which win races, are
// finely spaced.
fn exponential(seed: u32, counter: u32, row: u32, token: u32) -> f32 {
  let bits = pcg4d(seed, counter, row, token);
  let high = f32(bits.x >> 8) * 5.9604644775390625e-8;
  let low = (f32(bits.y >> 9) + 0.5) * 7.105427357601002e-15;
  let v = min(high + low, 0.99999994);
  if (v <= 0.29289323) {
    return -log1p(-v, 0.0);
  }
  return -logarithm(1.0 - v);
}
