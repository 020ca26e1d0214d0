import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { finiteHalvesToFloats } from "../common/half";
import { madd } from "../common/simd";
import { shareStart } from "../common/split";
import { COLUMN_TILE_BYTES, SCALE_BYTES } from "../formats/blocks";
import { unpackBlock } from "../formats/formats";
import { blockCount, panelBlockBytes, quantizedPanelCount } from "../weights/quantized_panels";
import { biasAt, LinearArguments } from "./linear_arguments";
import { begin, finish, TILE_COLUMNS, TILE_ROWS } from "./linear_tile";
import { DEPTH, TILE_BLOCK, TILE_SCALES } from "./quantize_inputs";

/*
 * A matrix product in blocks, as in `linear_rows.ts`, of 16-bit integers: pairs of features side by side, 8 products an
 * instruction where f32 has 4. A block of x stays in the second-level cache; each panel of the weight is
 * unpacked into two tiles of 8 columns for the first-level cache, while all tiles of 4 rows pass over them.
 */
const BLOCK_ROWS: i32 = 256;
const BLOCKS: i32 = DEPTH / BLOCK;

/** `linear` of many rows, as `quantizeInputs` has left them, with a quantized weight. */
export function linearQuantizedRows(a: LinearArguments, scratch: usize, thread: i32, threads: i32): void {
  const inputs = a.x, rows = a.rows, inSize = a.inSize, outSize = a.outSize, format = a.format;
  const panels = quantizedPanelCount(outSize);
  // Pieces are panels, or rows, each of which unpacks the whole weight. Either way the sums are the same.
  const splitsPanels = panels >= threads || outSize >= rows;
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const fromPanel = splitsPanels ? shareStart(panels, thread, threads) : 0;
  const toPanel = splitsPanels ? shareStart(panels, thread + 1, threads) : panels;
  const fromRow = splitsPanels ? 0 : shareStart(tiles, thread, threads) * TILE_ROWS;
  const toRow = splitsPanels ? rows : min(shareStart(tiles, thread + 1, threads) * TILE_ROWS, rows);
  const inputScales = inputs + <usize> (tiles * blockCount(inSize)) * TILE_BLOCK;
  const packedPanel = scratch;
  const panelScales = packedPanel + (QUANTIZED_PANEL * DEPTH << 1);
  const edge = panelScales + (QUANTIZED_PANEL * BLOCKS << 2);
  const unused = edge + (BLOCK_ROWS * TILE_COLUMNS << 2);
  const allBlocks = blockCount(inSize), bytes = panelBlockBytes(format);
  for (let row = fromRow; row < toRow; row += BLOCK_ROWS) {
    const blockRows = min(BLOCK_ROWS, toRow - row);
    // Sums of nothing still get their bias: the first block is run whatever its depth.
    let k = 0;
    do {
      const depth = min(DEPTH, inSize - k);
      const blocks = blockCount(depth);
      const place = <usize> (k / BLOCK * tiles + row / TILE_ROWS * blocks);
      const packedRows = inputs + place * TILE_BLOCK;
      const rowScales = inputScales + place * TILE_SCALES;
      for (let panel = fromPanel; panel < toPanel; panel++) {
        const from = a.weight + <usize> (panel * allBlocks + k / BLOCK) * bytes;
        unpackPanel(from, format, blocks, packedPanel, panelScales);
        // The last panel may stick out of the result; then its last tile is summed in scratch memory.
        const end = min((panel + 1) * QUANTIZED_PANEL, outSize);
        let tile = 0;
        for (let column = panel * QUANTIZED_PANEL; column < end; column += TILE_COLUMNS, tile++) {
          const columns = min(TILE_COLUMNS, outSize - column);
          const target = a.out + (<usize> row * outSize + column << 2);
          const sums = columns < TILE_COLUMNS ? edge : target;
          const stride = <usize> (columns < TILE_COLUMNS ? TILE_COLUMNS : outSize) << 2;
          if (k == 0) begin(sums, stride, blockRows, biasAt(a, column), columns);
          const pairs = packedPanel + <usize> (tile * blocks) * COLUMN_TILE_BYTES;
          const scales = panelScales + (<usize> tile * TILE_COLUMNS << 2);
          tileColumn(packedRows, rowScales, pairs, scales, sums, stride, blockRows, blocks, unused);
          if (k + depth >= inSize) finish(sums, stride, blockRows, columns, a.activation, target, outSize);
        }
      }
      k += DEPTH;
    } while (k < inSize);
  }
}

/** Unpacks a panel as two tiles [depth / 2][8 columns][2], with scales [depth / 32][16]. */
function unpackPanel(weight: usize, format: i32, blocks: i32, first: usize, scales: usize): void {
  const bytes = panelBlockBytes(format);
  let second = first + <usize> blocks * COLUMN_TILE_BYTES;
  for (const end = second; first < end; first += COLUMN_TILE_BYTES, second += COLUMN_TILE_BYTES) {
    unpackBlock(weight, first, second, format);
    weight += bytes;
    for (let i: usize = 0; i < SCALE_BYTES; i += 8, scales += 16) {
      v128.store(scales, finiteHalvesToFloats(v128.load_ext<i16>(weight - SCALE_BYTES + i)));
    }
  }
}

/** Adds the products of packed rows with 8 columns to sums; `unused` takes the sums of rows that are not there. */
function tileColumn(
  packedRows: usize,
  rowScales: usize,
  columns: usize,
  columnScales: usize,
  sums: usize,
  stride: usize,
  rows: i32,
  blocks: i32,
  unused: usize,
): void {
  for (let row = 0; row < rows; row += TILE_ROWS) {
    const b = row + 1 < rows ? sums + stride : unused;
    const c = row + 2 < rows ? sums + 2 * stride : unused;
    const d = row + 3 < rows ? sums + 3 * stride : unused;
    tile(packedRows, rowScales, columns, columnScales, blocks, sums, b, c, d);
    packedRows += <usize> blocks * TILE_BLOCK;
    rowScales += <usize> blocks * TILE_SCALES;
    sums += stride * TILE_ROWS;
  }
}

/** Adds the products of 4 rows with 8 columns to the sums of each row, at a, b, c and d. */
function tile(
  rows: usize,
  rowScales: usize,
  columns: usize,
  columnScales: usize,
  blocks: i32,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
): void {
  const end = rowScales + <usize> blocks * TILE_SCALES;
  for (; rowScales < end; rowScales += TILE_SCALES, columnScales += QUANTIZED_PANEL << 2) {
    let a0 = i32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    for (const next = rows + TILE_BLOCK; rows < next; rows += 16, columns += 32) {
      const w0 = v128.load(columns), w1 = v128.load(columns, 16);
      const x = v128.load(rows);
      const xa = v128.shuffle<i32>(x, x, 0, 0, 0, 0);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(xa, w0));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(xa, w1));
      const xb = v128.shuffle<i32>(x, x, 1, 1, 1, 1);
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(xb, w0));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(xb, w1));
      const xc = v128.shuffle<i32>(x, x, 2, 2, 2, 2);
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(xc, w0));
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(xc, w1));
      const xd = v128.shuffle<i32>(x, x, 3, 3, 3, 3);
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(xd, w0));
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(xd, w1));
    }
    const w0 = v128.load(columnScales), w1 = v128.load(columnScales, 16);
    addBlock(a0, a1, w0, w1, v128.load32_splat(rowScales), a);
    addBlock(b0, b1, w0, w1, v128.load32_splat(rowScales, 4), b);
    addBlock(c0, c1, w0, w1, v128.load32_splat(rowScales, 8), c);
    addBlock(d0, d1, w0, w1, v128.load32_splat(rowScales, 12), d);
  }
}

/** sums [8] += dots · scales of the weights · scale of the inputs, rounded as in `linear_quantized_row.ts`. */
// @ts-ignore: decorator
@inline
function addBlock(dot0: v128, dot1: v128, scale0: v128, scale1: v128, inputScale: v128, sums: usize): void {
  const product0 = f32x4.mul(f32x4.convert_i32x4_s(dot0), scale0);
  const product1 = f32x4.mul(f32x4.convert_i32x4_s(dot1), scale1);
  v128.store(sums, madd(product0, inputScale, v128.load(sums)));
  v128.store(sums, madd(product1, inputScale, v128.load(sums, 16)), 16);
}
