import { PANEL } from "../../records/constants";
import { shareStart } from "../common/split";
import { packPanel } from "../formats/formats";
import { panelBytes, panelCount } from "../weights/panels";
import { biasAt, LinearArguments } from "./linear_arguments";
import { finish, packRows, TILE_COLUMNS, TILE_ROWS, tileColumn } from "./linear_tile";

/*
 * A matrix product in blocks: a block of x, BLOCK_ROWS × BLOCK_DEPTH, is packed for the second-level cache; each panel
 * of the weight, BLOCK_DEPTH deep, is copied as four times 8 columns, which lie in the first-level cache while all
 * tiles of 4 rows pass over them. Sizes and the tiles that were tried: bench/products/linear_shapes.md.
 */
const BLOCK_ROWS: i32 = 256;
const BLOCK_DEPTH: i32 = 512;

/** `linear` of many rows. */
export function linearRows(a: LinearArguments, scratch: usize, thread: i32, threads: i32): void {
  const rows = a.rows, inSize = a.inSize, outSize = a.outSize, format = a.format;
  const panels = panelCount(outSize);
  // Pieces are panels, each of which packs all of x, or rows, each of which packs the whole weight. Either way the sums
  // are the same.
  const splitsPanels = panels >= threads || outSize >= rows;
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const fromPanel = splitsPanels ? shareStart(panels, thread, threads) : 0;
  const toPanel = splitsPanels ? shareStart(panels, thread + 1, threads) : panels;
  const fromRow = splitsPanels ? 0 : shareStart(tiles, thread, threads) * TILE_ROWS;
  const toRow = splitsPanels ? rows : min(shareStart(tiles, thread + 1, threads) * TILE_ROWS, rows);
  const packedRows = scratch;
  const packedPanel = packedRows + (BLOCK_ROWS * BLOCK_DEPTH << 2);
  const edge = packedPanel + (BLOCK_DEPTH * PANEL << 2);
  const zeros = edge + (BLOCK_ROWS * TILE_COLUMNS << 2);
  memory.fill(zeros, 0, TILE_COLUMNS << 2);
  const bytes = panelBytes(inSize, format);
  for (let row = fromRow; row < toRow; row += BLOCK_ROWS) {
    const blockRows = min(BLOCK_ROWS, toRow - row);
    // Sums of nothing still get their bias: the first block is run whatever its depth.
    let k = 0;
    do {
      const depth = min(BLOCK_DEPTH, inSize - k);
      const isLast = k + depth >= inSize;
      packRows(a.x + (<usize> row * inSize + k << 2), inSize, blockRows, depth, packedRows);
      for (let panel = fromPanel; panel < toPanel; panel++) {
        const from = a.weight + panel * bytes + panelBytes(k, format), tile = <usize> depth * TILE_COLUMNS << 2;
        packPanel(from, depth, packedPanel, packedPanel + tile, packedPanel + 2 * tile, packedPanel + 3 * tile, format);
        let columns = packedPanel;
        // The last panel may stick out of the result; then its last tile is summed in scratch memory.
        const end = min((panel + 1) * PANEL, outSize);
        for (let column = panel * PANEL; column < end; column += TILE_COLUMNS) {
          const isWhole = column + TILE_COLUMNS <= outSize;
          const target = a.out + (<usize> row * outSize + column << 2);
          const sums = isWhole ? target : edge;
          const stride = <usize> (isWhole ? outSize : TILE_COLUMNS) << 2;
          const initial = k > 0 ? 0 : a.bias ? biasAt(a, column) : zeros;
          tileColumn(packedRows, depth, columns, TILE_COLUMNS << 2, sums, stride, blockRows, depth, initial);
          const count = min(TILE_COLUMNS, outSize - column);
          if (isLast) finish(sums, stride, blockRows, count, a.activation, target, outSize);
          columns += <usize> depth * TILE_COLUMNS << 2;
        }
      }
      k += BLOCK_DEPTH;
    } while (k < inSize);
  }
}
