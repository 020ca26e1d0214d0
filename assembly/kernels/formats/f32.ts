/*
 * f32 in weights: panels [in][32] of values, see `weights/panels.ts`.
 */

import { PANEL } from "../../records/constants";
import { madd } from "../common/simd";

/** sums [32] += x · panel, `depth` features deep. */
export function addPanel(panel: usize, x: usize, depth: i32, sums: usize): void {
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  let e = v128.load(sums, 64), f = v128.load(sums, 80), g = v128.load(sums, 96), h = v128.load(sums, 112);
  for (const end = x + (<usize> depth << 2); x < end; x += 4, panel += 128) {
    const value = v128.load32_splat(x);
    a = madd(v128.load(panel), value, a);
    b = madd(v128.load(panel, 16), value, b);
    c = madd(v128.load(panel, 32), value, c);
    d = madd(v128.load(panel, 48), value, d);
    e = madd(v128.load(panel, 64), value, e);
    f = madd(v128.load(panel, 80), value, f);
    g = madd(v128.load(panel, 96), value, g);
    h = madd(v128.load(panel, 112), value, h);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
  v128.store(sums, e, 64);
  v128.store(sums, f, 80);
  v128.store(sums, g, 96);
  v128.store(sums, h, 112);
}

/** Copies a panel [depth][32] as four tiles [depth][8]. */
export function packPanel(from: usize, depth: i32, a: usize, b: usize, c: usize, d: usize): void {
  for (const end = from + (<usize> depth * PANEL << 2); from < end; from += 128, a += 32, b += 32, c += 32, d += 32) {
    v128.store(a, v128.load(from));
    v128.store(a, v128.load(from, 16), 16);
    v128.store(b, v128.load(from, 32));
    v128.store(b, v128.load(from, 48), 16);
    v128.store(c, v128.load(from, 64));
    v128.store(c, v128.load(from, 80), 16);
    v128.store(d, v128.load(from, 96));
    v128.store(d, v128.load(from, 112), 16);
  }
}
