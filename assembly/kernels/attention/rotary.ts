import { PairsId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class RotaryArguments {
  /** [rows, heads · dim]. */
  x: Tensor;
  /** [tableRows, R] of R/2 cosines and R/2 sines; its rows repeat. */
  table: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
  heads: i32;
  tableRows: i32;
  /** R. */
  tableWidth: i32;
  pairs: PairsId;
}

/** Rotary positions (arXiv 2104.09864): turns pairs of the first R features of each head. */
export function rotary(a: RotaryArguments, thread: i32, threads: i32, scratch: usize): void {
  const heads = a.heads;
  const rotated = a.tableWidth;
  const stride = <usize> (a.width / heads) << 2;
  const passed = <usize> rotated << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const cosines = a.table + <usize> (row % a.tableRows) * passed;
    for (let head = 0; head < heads; head++) {
      const offset = (<usize> row * heads + head) * stride;
      const x = a.x + offset;
      const out = a.out + offset;
      if (a.pairs === PairsId.adjacent) rotateAdjacent(x, cosines, out, rotated >> 1);
      else rotateHalves(x, cosines, out, rotated >> 1);
      if (passed < stride) memory.copy(out + passed, x + passed, stride - passed);
    }
  }
}

/** Pairs (i, i + pairs). */
function rotateHalves(x: usize, cosines: usize, out: usize, pairs: i32): void {
  const half = <usize> pairs << 2;
  const end = x + half;
  for (const vectors = x + (<usize> (pairs & ~3) << 2); x < vectors; x += 16, cosines += 16, out += 16) {
    const a = v128.load(x);
    const b = v128.load(x + half);
    const cos = v128.load(cosines);
    const sin = v128.load(cosines + half);
    v128.store(out, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
    v128.store(out + half, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
  }
  for (; x < end; x += 4, cosines += 4, out += 4) {
    const a = load<f32>(x);
    const b = load<f32>(x + half);
    const cos = load<f32>(cosines);
    const sin = load<f32>(cosines + half);
    store<f32>(out, a * cos - b * sin);
    store<f32>(out + half, b * cos + a * sin);
  }
}

/** Pairs (2i, 2i + 1). */
function rotateAdjacent(x: usize, cosines: usize, out: usize, pairs: i32): void {
  const sines = <usize> pairs << 2;
  const end = x + (<usize> pairs << 3);
  for (const vectors = x + (<usize> (pairs & ~1) << 3); x < vectors; x += 16, cosines += 8, out += 16) {
    const pair = v128.load(x); // a b c d
    const swapped = v128.shuffle<f32>(pair, pair, 1, 0, 3, 2);
    const two = v128.load_zero<u64>(cosines);
    const cos = v128.shuffle<f32>(two, two, 0, 0, 1, 1);
    const twoSines = v128.load_zero<u64>(cosines + sines);
    const sin = v128.shuffle<f32>(twoSines, f32x4.neg(twoSines), 4, 0, 5, 1); // -s s -t t
    v128.store(out, f32x4.add(f32x4.mul(pair, cos), f32x4.mul(swapped, sin)));
  }
  for (; x < end; x += 8, cosines += 4, out += 8) {
    const a = load<f32>(x);
    const b = load<f32>(x, 4);
    const cos = load<f32>(cosines);
    const sin = load<f32>(cosines + sines);
    store<f32>(out, a * cos - b * sin);
    store<f32>(out, b * cos + a * sin, 4);
  }
}
