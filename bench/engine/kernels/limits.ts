import { madd, sumLanes } from "../../../assembly/kernels/common/simd";

export const heapBase: usize = __heap_base;

/**
 * 12 independent chains of multiply-add, `steps` long: the most arithmetic that this build can do, 96 operations a
 * step.
 */
export function multiplyAdd(steps: i32, factor: f32, term: f32): f32 {
  // Arguments and not constants, which V8 would make anew for every use.
  const x = f32x4.splat(factor);
  const y = f32x4.splat(term);
  let a = f32x4.splat(1), b = f32x4.splat(2), c = f32x4.splat(3), d = f32x4.splat(4);
  let e = f32x4.splat(5), f = f32x4.splat(6), g = f32x4.splat(7), h = f32x4.splat(8);
  let i = f32x4.splat(9), j = f32x4.splat(10), k = f32x4.splat(11), l = f32x4.splat(12);
  for (; steps > 0; steps--) {
    a = madd(a, x, y);
    b = madd(b, x, y);
    c = madd(c, x, y);
    d = madd(d, x, y);
    e = madd(e, x, y);
    f = madd(f, x, y);
    g = madd(g, x, y);
    h = madd(h, x, y);
    i = madd(i, x, y);
    j = madd(j, x, y);
    k = madd(k, x, y);
    l = madd(l, x, y);
  }
  const abc = f32x4.add(f32x4.add(a, b), c), def = f32x4.add(f32x4.add(d, e), f);
  const ghi = f32x4.add(f32x4.add(g, h), i), jkl = f32x4.add(f32x4.add(j, k), l);
  return sumLanes(f32x4.add(f32x4.add(abc, def), f32x4.add(ghi, jkl)));
}

/** Reads `bytes` (a multiple of 128) once, in order, with the least arithmetic that keeps the reads alive. */
export function read(from: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (const end = from + bytes; from < end; from += 128) {
    a = v128.xor(a, v128.xor(v128.load(from), v128.load(from, 16)));
    b = v128.xor(b, v128.xor(v128.load(from, 32), v128.load(from, 48)));
    c = v128.xor(c, v128.xor(v128.load(from, 64), v128.load(from, 80)));
    d = v128.xor(d, v128.xor(v128.load(from, 96), v128.load(from, 112)));
  }
  const all = v128.xor(v128.xor(a, b), v128.xor(c, d));
  return i32x4.extract_lane(all, 0) ^ i32x4.extract_lane(all, 1) ^ i32x4.extract_lane(all, 2) ^
    i32x4.extract_lane(all, 3);
}
