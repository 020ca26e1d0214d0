import { PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { finiteHalvesToFloats } from "../common/half";
import { shareStart } from "../common/split";
import { panelBytes, panelCount } from "../weights/panels";
import { sumFloats } from "./linear_row";
import { begin, finish, packRows, TILE_COLUMNS, TILE_ROWS, tileColumn } from "./linear_tile";

/** Up to this many rows, copying the weight into tiles costs more than it brings. */
export const FEW_ROWS: i32 = 17;
/** Up to this many rows, one row after the other is faster than a tile of which most is unused. */
const FEWEST_ROWS: i32 = 3;
/** Features of x that are packed at once. */
const PACKED_DEPTH: i32 = 4096;
/** Depth of a block: its part of a panel, 16 KiB, stays in the first-level cache. */
const BLOCK_DEPTH: i32 = 128;

/**
 * `linear` of a few rows, as in batches and drafts. The first row reads each block of a panel as one stream, as
 * `linear_row.ts` does, which brings it into the first-level cache; there the others pass over it in tiles. (Tiles
 * alone read the weight at a third of the speed: they touch every second line, with too much arithmetic between.)
 */
export function linearFewRows(
  x: usize,
  weight: usize,
  bias: usize,
  out: usize,
  rows: i32,
  inSize: i32,
  outSize: i32,
  format: i32,
  activation: i32,
  thread: i32,
  threads: i32,
  scratch: usize,
): void {
  const panels = panelCount(outSize);
  const toPanel = shareStart(panels, thread + 1, threads);
  const packedRows = scratch;
  const floats = packedRows + (FEW_ROWS * PACKED_DEPTH << 2);
  const edge = floats + (BLOCK_DEPTH * PANEL << 2);
  const bytes = panelBytes(inSize, format);
  const xStride = <usize> inSize << 2;
  let k = 0;
  do {
    const packedDepth = min(PACKED_DEPTH, inSize - k);
    const source = x + (<usize> k << 2);
    if (rows > FEWEST_ROWS) packRows(source + xStride, inSize, rows - 1, packedDepth, packedRows);
    for (let panel = shareStart(panels, thread, threads); panel < toPanel; panel++) {
      const columns = min(PANEL, outSize - panel * PANEL);
      const target = out + (<usize> panel * PANEL << 2);
      // A panel that sticks out of the result is summed in scratch memory.
      const sums = columns < PANEL ? edge : target;
      const stride = <usize> (columns < PANEL ? PANEL : outSize) << 2;
      if (k == 0) begin(sums, stride, rows, bias ? bias + (<usize> panel * PANEL << 2) : 0, columns);
      for (let at = 0; at < packedDepth; at += BLOCK_DEPTH) {
        const depth = min(BLOCK_DEPTH, packedDepth - at);
        let block = weight + panel * bytes + panelBytes(k + at, format);
        if (format == FormatId.f16) {
          widen(block, depth, floats);
          block = floats;
        }
        const values = source + (<usize> at << 2);
        sumFloats(block, values, depth, sums);
        if (rows <= FEWEST_ROWS) {
          for (let row = 1; row < rows; row++) sumFloats(block, values + row * xStride, depth, sums + row * stride);
        } else {
          addTiles(
            packedRows + (<usize> at * TILE_ROWS << 2),
            packedDepth,
            block,
            sums + stride,
            stride,
            rows - 1,
            depth,
          );
        }
      }
      if (k + packedDepth >= inSize) finish(sums, stride, rows, columns, activation, target, outSize);
    }
    k += PACKED_DEPTH;
  } while (k < inSize);
}

/** Adds the products of packed rows with a block of a panel. */
function addTiles(
  rows: usize,
  packedDepth: i32,
  block: usize,
  sums: usize,
  stride: usize,
  count: i32,
  depth: i32,
): void {
  for (let column = 0; column < PANEL; column += TILE_COLUMNS) {
    const at = <usize> column << 2;
    tileColumn(rows, packedDepth, block + at, PANEL << 2, sums + at, stride, count, depth, 0);
  }
}

/** A block of an f16 panel in f32. */
function widen(from: usize, depth: i32, to: usize): void {
  for (const end = from + panelBytes(depth, FormatId.f16); from < end; from += 16, to += 32) {
    v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from)));
    v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from, 8)), 16);
  }
}
