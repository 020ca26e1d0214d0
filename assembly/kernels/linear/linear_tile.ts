import { ActivationId } from "../../records/kernel_id";
import { madd } from "../common/simd";
import { activateValues } from "../elementwise/activation";

/*
 * The tile that products of many rows are made of: 4 × 8 sums in 8 registers. Every sum is one chain from the bias on
 * over the features in order, as in `linear_row.ts`: a row has the same bits however many others there are.
 */

/** Rows of a tile. */
export const TILE_ROWS: i32 = 4;
/** Columns of a tile. */
export const TILE_COLUMNS: i32 = 8;

/** Packs rows of x as tiles [depth][4]; the last tile repeats its last row, whose sums are not stored. */
export function packRows(x: usize, inSize: i32, rows: i32, depth: i32, packed: usize): void {
  const stride = <usize> inSize << 2;
  for (let row = 0; row < rows; row += TILE_ROWS) {
    const last = rows - 1;
    let a = x + row * stride;
    let b = x + min(row + 1, last) * stride;
    let c = x + min(row + 2, last) * stride;
    let d = x + min(row + 3, last) * stride;
    const end = a + (<usize> depth << 2);
    const vectors = a + (<usize> (depth & ~3) << 2);
    for (; a < vectors; a += 16, b += 16, c += 16, d += 16, packed += 64) {
      const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
      const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
      const ef = v128.shuffle<f32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
      v128.store(packed, v128.shuffle<i64>(ab, cd, 0, 2));
      v128.store(packed, v128.shuffle<i64>(ab, cd, 1, 3), 16);
      v128.store(packed, v128.shuffle<i64>(ef, gh, 0, 2), 32);
      v128.store(packed, v128.shuffle<i64>(ef, gh, 1, 3), 48);
    }
    for (; a < end; a += 4, b += 4, c += 4, d += 4, packed += 16) {
      store<f32>(packed, load<f32>(a));
      store<f32>(packed, load<f32>(b), 4);
      store<f32>(packed, load<f32>(c), 8);
      store<f32>(packed, load<f32>(d), 12);
    }
  }
}

/**
 * Adds the products of packed rows, `depth` deep, with 8 columns to sums; or gives `initial`, one row of 8, plus the
 * products. The rows' tiles are `packedDepth` deep, the columns `columnStride` bytes apart from one feature to the
 * next.
 */
export function tileColumn(
  packedRows: usize,
  packedDepth: i32,
  columns: usize,
  columnStride: usize,
  sums: usize,
  stride: usize,
  rows: i32,
  depth: i32,
  initial: usize,
): void {
  for (let row = 0; row < rows; row += TILE_ROWS) {
    const tileRows = min(TILE_ROWS, rows - row);
    if (initial) tile(packedRows, columns, columnStride, sums, stride, tileRows, depth, initial, 0);
    else tile(packedRows, columns, columnStride, sums, stride, tileRows, depth, sums, stride);
    packedRows += <usize> packedDepth * TILE_ROWS << 2;
    sums += stride * TILE_ROWS;
  }
}

/**
 * sums [rows ≤ 4][8] = before + rows · columns. Four values of x come in one load and are spread by shuffles: fewer
 * loads, each of which V8 may have to check against the memory's size. Not unrolled over the depth: binaryen makes
 * dependent chains of that.
 */
function tile(
  rows: usize,
  columns: usize,
  columnStride: usize,
  sums: usize,
  stride: usize,
  rowCount: i32,
  depth: i32,
  before: usize,
  beforeStride: usize,
): void {
  let a0 = v128.load(before), a1 = v128.load(before, 16);
  if (rowCount > 1) before += beforeStride;
  let b0 = v128.load(before), b1 = v128.load(before, 16);
  if (rowCount > 2) before += beforeStride;
  let c0 = v128.load(before), c1 = v128.load(before, 16);
  if (rowCount > 3) before += beforeStride;
  let d0 = v128.load(before), d1 = v128.load(before, 16);
  const end = rows + (<usize> depth * TILE_ROWS << 2);
  for (; rows < end; rows += TILE_ROWS << 2, columns += columnStride) {
    const w0 = v128.load(columns), w1 = v128.load(columns, 16);
    const x = v128.load(rows);
    const a = v128.shuffle<f32>(x, x, 0, 0, 0, 0);
    a0 = madd(a, w0, a0);
    a1 = madd(a, w1, a1);
    const b = v128.shuffle<f32>(x, x, 1, 1, 1, 1);
    b0 = madd(b, w0, b0);
    b1 = madd(b, w1, b1);
    const c = v128.shuffle<f32>(x, x, 2, 2, 2, 2);
    c0 = madd(c, w0, c0);
    c1 = madd(c, w1, c1);
    const d = v128.shuffle<f32>(x, x, 3, 3, 3, 3);
    d0 = madd(d, w0, d0);
    d1 = madd(d, w1, d1);
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  if (rowCount < 2) return;
  sums += stride;
  v128.store(sums, b0);
  v128.store(sums, b1, 16);
  if (rowCount < 3) return;
  sums += stride;
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  if (rowCount < 4) return;
  sums += stride;
  v128.store(sums, d0);
  v128.store(sums, d1, 16);
}

/** Sets sums to the bias. */
export function begin(sums: usize, stride: usize, rows: i32, bias: usize, columns: i32): void {
  for (let row = 0; row < rows; row++, sums += stride) {
    if (bias) memory.copy(sums, bias, <usize> columns << 2);
    else memory.fill(sums, 0, <usize> columns << 2);
  }
}

/** Applies the activation to finished columns and moves those that were summed in scratch memory into the result. */
export function finish(
  sums: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  activation: i32,
  target: usize,
  outSize: i32,
): void {
  if (activation == ActivationId.none && sums == target) return;
  for (let row = 0; row < rows; row++) {
    activateValues(sums, target, columns, activation);
    sums += stride;
    target += <usize> outSize << 2;
  }
}
