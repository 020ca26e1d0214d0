import { BLOCK, STREAMED_ROWS } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { Address } from "../common/fields";
import { shareStart } from "../common/split";
import { INPUT_BLOCK } from "../formats/blocks";
import { blockCount } from "../weights/quantized_panels";
import { TILE_ROWS } from "./linear_tile";
import { biasCorrections, quantizeInput } from "./quantized_input";

/*
 * Inputs of products with quantized weights, quantized once for all threads. Integers come first, then the scales:
 *
 *     few rows:  [row][in], and [row][block] of a scale and a correction
 *     many rows: [depth of DEPTH features][tile of 4 rows][features / 2][4 rows][2], and [depth][tile][block][4 rows]
 */

/** Features of many rows that lie together: with 256 rows they fill half of the second-level cache. */
export const DEPTH: i32 = 512;
const DEPTH_BLOCKS: i32 = DEPTH / BLOCK;
/** Bytes of the integers of a block of a tile, and of its scales. */
export const TILE_BLOCK: usize = <usize> TILE_ROWS * INPUT_BLOCK;
export const TILE_SCALES: usize = <usize> TILE_ROWS << 2;

// @ts-ignore: decorator
@unmanaged
export class QuantizeInputsArguments {
  /** [rows, inSize]. */
  x: Address;
  /** Where the integers and scales go. */
  inputs: Address;
  rows: i32;
  inSize: i32;
  /** Format of the weight. */
  format: FormatId;
}

/** Quantizes what `linear` multiplies with a quantized weight. */
export function quantizeInputs(a: QuantizeInputsArguments, thread: i32, threads: i32, scratch: usize): void {
  const x = a.x, to = a.inputs, rows = a.rows, inSize = a.inSize;
  if (rows > STREAMED_ROWS) return quantizeTiles(x, to, rows, inSize, thread, threads, scratch);
  const blocks = blockCount(inSize);
  const last = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < last; row++) {
    const integers = to + <usize> (row * blocks) * INPUT_BLOCK;
    const scales = to + <usize> (rows * blocks) * INPUT_BLOCK + (<usize> (row * blocks) << 3);
    quantizeInput(x + (<usize> row * inSize << 2), inSize, integers, scales, 8, scratch);
    biasCorrections(integers, blocks, a.format, scales + 4, 8);
  }
}

/** The last tile repeats its last row, whose sums are not stored. */
function quantizeTiles(x: usize, to: usize, rows: i32, inSize: i32, thread: i32, threads: i32, scratch: usize): void {
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const scales = to + <usize> (tiles * blockCount(inSize)) * TILE_BLOCK;
  const last = shareStart(tiles, thread + 1, threads);
  for (let tile = shareStart(tiles, thread, threads); tile < last; tile++) {
    const first = tile * TILE_ROWS;
    for (let k = 0; k < inSize; k += DEPTH) {
      const depth = min(DEPTH, inSize - k);
      const blocks = blockCount(depth);
      const place = <usize> (k / BLOCK * tiles + tile * blocks);
      const from = x + (<usize> first * inSize + k << 2);
      quantizeTile(from, inSize, rows - first, depth, to + place * TILE_BLOCK, scales + place * TILE_SCALES, scratch);
    }
  }
}

/** Quantizes four rows and puts pairs of their features side by side. */
function quantizeTile(
  x: usize,
  inSize: i32,
  rows: i32,
  depth: i32,
  tile: usize,
  scales: usize,
  scratch: usize,
): void {
  const rowBytes = <usize> blockCount(depth) * INPUT_BLOCK;
  const padded = scratch + DEPTH_BLOCKS * TILE_BLOCK;
  for (let i = 0; i < TILE_ROWS; i++) {
    const from = x + (<usize> min(i, rows - 1) * inSize << 2);
    quantizeInput(from, depth, scratch + i * rowBytes, scales + (<usize> i << 2), TILE_SCALES, padded);
  }
  for (let a = scratch, end = a + rowBytes; a < end; a += 16, tile += 64) {
    const b = a + rowBytes, c = b + rowBytes, d = c + rowBytes;
    const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
    const ab = v128.shuffle<i32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<i32>(vc, vd, 0, 4, 1, 5);
    const ef = v128.shuffle<i32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<i32>(vc, vd, 2, 6, 3, 7);
    v128.store(tile, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(tile, v128.shuffle<i64>(ab, cd, 1, 3), 16);
    v128.store(tile, v128.shuffle<i64>(ef, gh, 0, 2), 32);
    v128.store(tile, v128.shuffle<i64>(ef, gh, 1, 3), 48);
  }
}
