import { madd } from "../common/simd";

/*
 * Products of query rows, in lanes, with keys and values that are not packed: for the few rows of heads that share
 * keys, packing takes longer than the products. Panels of rows are 8 wide in memory, as in `attention_tile.ts`; half a
 * panel uses the first four.
 */

/**
 * Reads a multiple of 32 bytes in order, which brings them into the cache: reading four keys at a time from main memory
 * has a third of the speed. Writes 16 bytes to `to`.
 */
export function touch(from: usize, bytes: usize, to: usize): void {
  let all = v128.load(to);
  for (const end = from + bytes; from < end; from += 64) all = v128.xor(all, v128.load(from));
  v128.store(to, all);
}

/** scores [4 keys][8 rows] = keys · queries [dim][8 rows]; keys beyond the last repeat it. */
export function scoreFour(keys: usize, stride: usize, last: usize, queries: usize, scores: usize, dim: i32): void {
  let a = keys, b = min(a + stride, last), c = min(b + stride, last), d = min(c + stride, last);
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (const end = queries + (<usize> dim << 5); queries < end; queries += 32, a += 4, b += 4, c += 4, d += 4) {
    const q0 = v128.load(queries), q1 = v128.load(queries, 16);
    const ka = v128.load32_splat(a), kb = v128.load32_splat(b);
    const kc = v128.load32_splat(c), kd = v128.load32_splat(d);
    a0 = madd(ka, q0, a0), a1 = madd(ka, q1, a1);
    b0 = madd(kb, q0, b0), b1 = madd(kb, q1, b1);
    c0 = madd(kc, q0, c0), c1 = madd(kc, q1, c1);
    d0 = madd(kd, q0, d0), d1 = madd(kd, q1, d1);
  }
  v128.store(scores, a0), v128.store(scores, a1, 16), v128.store(scores, b0, 32), v128.store(scores, b1, 48);
  v128.store(scores, c0, 64), v128.store(scores, c1, 80), v128.store(scores, d0, 96), v128.store(scores, d1, 112);
}

/** The same for half a panel: even and odd features are summed apart, which keeps the number of independent sums. */
export function scoreFourByHalf(
  keys: usize,
  stride: usize,
  last: usize,
  queries: usize,
  scores: usize,
  dim: i32,
): void {
  let a = keys, b = min(a + stride, last), c = min(b + stride, last), d = min(c + stride, last);
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (const end = queries + (<usize> dim << 5); queries < end; queries += 64, a += 8, b += 8, c += 8, d += 8) {
    const q0 = v128.load(queries), q1 = v128.load(queries, 32);
    a0 = madd(v128.load32_splat(a), q0, a0), a1 = madd(v128.load32_splat(a, 4), q1, a1);
    b0 = madd(v128.load32_splat(b), q0, b0), b1 = madd(v128.load32_splat(b, 4), q1, b1);
    c0 = madd(v128.load32_splat(c), q0, c0), c1 = madd(v128.load32_splat(c, 4), q1, c1);
    d0 = madd(v128.load32_splat(d), q0, d0), d1 = madd(v128.load32_splat(d, 4), q1, d1);
  }
  v128.store(scores, f32x4.add(a0, a1)), v128.store(scores, f32x4.add(b0, b1), 32);
  v128.store(scores, f32x4.add(c0, c1), 64), v128.store(scores, f32x4.add(d0, d1), 96);
}

/** sums [8 features][4 of 8 rows] += values · weights [key][4 of 8 rows]. */
export function weighEightByHalf(values: usize, stride: usize, weights: usize, count: i32, sums: usize): void {
  let a = v128.load(sums), b = v128.load(sums, 32), c = v128.load(sums, 64), d = v128.load(sums, 96);
  let e = v128.load(sums, 128), f = v128.load(sums, 160), g = v128.load(sums, 192), h = v128.load(sums, 224);
  for (const end = weights + (<usize> count << 5); weights < end; weights += 32, values += stride) {
    const weight = v128.load(weights);
    a = madd(v128.load32_splat(values), weight, a);
    b = madd(v128.load32_splat(values, 4), weight, b);
    c = madd(v128.load32_splat(values, 8), weight, c);
    d = madd(v128.load32_splat(values, 12), weight, d);
    e = madd(v128.load32_splat(values, 16), weight, e);
    f = madd(v128.load32_splat(values, 20), weight, f);
    g = madd(v128.load32_splat(values, 24), weight, g);
    h = madd(v128.load32_splat(values, 28), weight, h);
  }
  v128.store(sums, a), v128.store(sums, b, 32), v128.store(sums, c, 64), v128.store(sums, d, 96);
  v128.store(sums, e, 128), v128.store(sums, f, 160), v128.store(sums, g, 192), v128.store(sums, h, 224);
}
