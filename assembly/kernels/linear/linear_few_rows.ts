import { PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { shareStart } from "../common/split";
import { widenPanel } from "../formats/f16";
import { addPanel, beginPanel, finishPanel } from "../formats/formats";
import { panelBytes, panelCount } from "../weights/panels";
import { biasAt, LinearArguments } from "./linear_arguments";
import { begin, finish, packRows, TILE_COLUMNS, TILE_ROWS, tileColumn } from "./linear_tile";

/** Up to this many rows, copying the weight into tiles costs more than it brings. */
export const FEW_ROWS: i32 = 17;
/** Up to this many rows, one row after the other is faster than a tile of which most is unused. */
const FEWEST_ROWS: i32 = 3;
/** The same with an f16 weight, of whose blocks tiles need a copy in f32. */
const FEWEST_ROWS_OF_HALVES: i32 = 7;
/** Features of x that are packed at once. */
const PACKED_DEPTH: i32 = 4096;
/** Depth of a block: its part of a panel, 16 KiB, stays in the first-level cache. */
const BLOCK_DEPTH: i32 = 128;

/**
 * `linear` of a few rows, as in batches and drafts. The first row reads each block of a panel as one stream, as
 * `linear_row.ts` does, which brings it into the first-level cache; there the others pass over it, in tiles or, if they
 * are fewest, like the first. (Tiles alone read the weight at a third of the speed: they touch every second line, with
 * too much arithmetic between.)
 */
export function linearFewRows(a: LinearArguments, scratch: usize, thread: i32, threads: i32): void {
  const rows = a.rows, inSize = a.inSize, outSize = a.outSize, format = a.format;
  const panels = panelCount(outSize);
  const toPanel = shareStart(panels, thread + 1, threads);
  const packedRows = scratch;
  const floats = packedRows + (FEW_ROWS * PACKED_DEPTH << 2);
  const edge = floats + (BLOCK_DEPTH * PANEL << 2);
  const bytes = panelBytes(inSize, format);
  const xStride = <usize> inSize << 2;
  const isStreamed = rows <= (format == FormatId.f16 ? FEWEST_ROWS_OF_HALVES : FEWEST_ROWS);
  let k = 0;
  do {
    const packedDepth = min(PACKED_DEPTH, inSize - k);
    const source = a.x + (<usize> k << 2);
    if (!isStreamed) packRows(source + xStride, inSize, rows - 1, packedDepth, packedRows);
    for (let panel = shareStart(panels, thread, threads); panel < toPanel; panel++) {
      const columns = min(PANEL, outSize - panel * PANEL);
      const target = a.out + (<usize> panel * PANEL << 2);
      // A panel that sticks out of the result is summed in scratch memory.
      const sums = columns < PANEL ? edge : target;
      const stride = <usize> (columns < PANEL ? PANEL : outSize) << 2;
      if (k == 0) begin(sums, stride, rows, biasAt(a, panel * PANEL), columns);
      if (k == 0 && isStreamed) {
        for (let row = 0; row < rows; row++) beginPanel(sums + row * stride, format);
      }
      for (let at = 0; at < packedDepth; at += BLOCK_DEPTH) {
        const depth = min(BLOCK_DEPTH, packedDepth - at);
        let block = a.weight + panel * bytes + panelBytes(k + at, format);
        const values = source + (<usize> at << 2);
        if (isStreamed) {
          for (let row = 0; row < rows; row++) {
            addPanel(block, values + row * xStride, depth, sums + row * stride, format);
          }
          continue;
        }
        if (format == FormatId.f16) {
          widenPanel(block, depth, floats);
          block = floats;
        }
        addPanel(block, values, depth, sums, FormatId.f32);
        const tiles = packedRows + (<usize> at * TILE_ROWS << 2);
        addTiles(tiles, packedDepth, block, sums + stride, stride, rows - 1, depth);
      }
      if (k + packedDepth < inSize) continue;
      if (isStreamed) {
        for (let row = 0; row < rows; row++) finishPanel(sums + row * stride, format);
      }
      finish(sums, stride, rows, columns, a.activation, target, outSize);
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
