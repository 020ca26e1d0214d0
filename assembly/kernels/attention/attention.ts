import { LOWEST } from "../softmax/softmax";
import { AttentionArguments, decayPowers, firstQuery, XPOS_BLOCK_BITS } from "./attention_arguments";
import { slopeOf } from "./attention_bias";
import { BLOCK, Block, chunkEnd, chunkStart, takeKeys, takeMemory } from "./attention_blocks";
import { finishRow, rowAddress } from "./attention_merge";
import { attendBlock, PANEL, PANEL_BYTES, Tile } from "./attention_tile";

/** Query rows of a tile at most. */
const TILE_ROWS = 128;
/** Scratch memory that the packed operands may take. */
const OPERAND_BYTES: usize = 900 << 10;
/**
 * Where the block's fields lie in scratch memory, behind the tile's; and where the memory that both point to begins.
 */
const BLOCK_OFFSET: usize = 128;
const BUFFER_OFFSET: usize = 192;
/** No xPos block. */
const NO_BLOCK: i32 = i32.MIN_VALUE;
/** Up to this many rows, packing keys and values takes longer than the products save by it. */
const GROUP_ROWS: i32 = 16;

/**
 * Attention of tiles of query rows. The rows are the queries of all heads that read one key head, a query's heads side
 * by side, so that keys and values are read once for the whole group. If keys are cut into chunks, each chunk leaves
 * its sums for `mergeChunks`.
 */
export function attention(a: AttentionArguments, thread: i32, threads: i32, scratch: usize): void {
  const rows = a.n * (a.heads / a.kvHeads);
  if (rows === 0) return;
  const tile = makeTile(a, scratch);
  const tiles = (rows + tile.rows - 1) / tile.rows;
  const capacity = tile.rows;
  const units = a.batch * a.kvHeads * a.chunks * tiles;
  // Threads take tiles alternately, because later tiles see more keys.
  for (let unit = thread; unit < units; unit += threads) {
    const chunk = unit % a.chunks;
    const head = unit / a.chunks % (a.batch * a.kvHeads);
    const firstRow = unit / (a.chunks * a.batch * a.kvHeads) * capacity;
    attendTile(a, tile, head / a.kvHeads, head % a.kvHeads, firstRow, min<i32>(capacity, rows - firstRow), chunk);
  }
}

/** Lays a tile out in scratch memory, with as many rows as fit. */
function makeTile(a: AttentionArguments, scratch: usize): Tile {
  const tile = changetype<Tile>(scratch);
  const rows = a.n * (a.heads / a.kvHeads);
  tile.dim = a.dim;
  tile.paddedDim = (a.dim + 3) & ~3;
  tile.rows = min<i32>(TILE_ROWS, (rows + PANEL - 1) & ~(PANEL - 1));
  const width = <usize> tile.paddedDim << 2;
  while (tile.rows > PANEL && (<usize> tile.rows + BLOCK) * 2 * width > OPERAND_BYTES) tile.rows -= PANEL;
  let at = scratch + BUFFER_OFFSET;
  tile.positions = <u32> at, at += TILE_ROWS << 2;
  tile.slopes = <u32> at, at += TILE_ROWS << 2;
  tile.maxima = <u32> at, at += TILE_ROWS << 2;
  tile.totals = <u32> at, at += TILE_ROWS << 2;
  tile.scores = <u32> at, at += BLOCK * PANEL_BYTES;
  tile.powers = <u32> at, at += width;
  tile.queries = <u32> at, at += tile.rows * width;
  tile.sums = <u32> at, at += tile.rows * width;
  tile.keys = <u32> at, at += BLOCK * width;
  tile.values = <u32> at, at += BLOCK * width;
  changetype<Block>(scratch + BLOCK_OFFSET).buffer = <u32> at;
  return tile;
}

/** Attention of `count` rows from `firstRow` on to a chunk of the keys. */
function attendTile(
  a: AttentionArguments,
  tile: Tile,
  b: i32,
  kvHead: i32,
  firstRow: i32,
  count: i32,
  chunk: i32,
): void {
  const first = firstQuery(a, b);
  beginTile(a, tile, first, kvHead, firstRow, count);
  const block = changetype<Block>(changetype<usize>(tile) + BLOCK_OFFSET);
  if (chunk === 0 && a.memory > 0) {
    packQueries(a, tile, b, kvHead, firstRow, count, NO_BLOCK);
    for (let key = 0; key < a.memory;) {
      key = takeMemory(a, block, kvHead, key);
      attendBlock(a, tile, block);
    }
  }
  let to = chunkEnd(a, first, chunk);
  if (a.isCausal) to = min<i32>(to, first + (firstRow + count - 1) / (a.heads / a.kvHeads) + 1);
  if (!a.decay) packQueries(a, tile, b, kvHead, firstRow, count, NO_BLOCK);
  let xposBlock = NO_BLOCK;
  for (let position = chunkStart(a, first, chunk); position < to;) {
    const own = position >> XPOS_BLOCK_BITS;
    if (a.decay && own !== xposBlock) packQueries(a, tile, b, kvHead, firstRow, count, own);
    xposBlock = own;
    position = takeKeys(a, block, b, kvHead, position, to);
    attendBlock(a, tile, block);
  }
  storeRows(a, tile, b, kvHead, firstRow, count, chunk);
}

/** Sets the positions and slopes of the tile's rows, and their sums to nothing. */
function beginTile(a: AttentionArguments, tile: Tile, first: i32, kvHead: i32, firstRow: i32, count: i32): void {
  const group = a.heads / a.kvHeads;
  tile.isGroup = count <= GROUP_ROWS && a.dim % 8 == 0 ? 1 : 0;
  const multiple = tile.isGroup ? PANEL / 2 : PANEL;
  tile.rows = (count + multiple - 1) & ~(multiple - 1);
  for (let row = 0; row < tile.rows; row++) {
    const index = firstRow + min<i32>(row, count - 1);
    const place = <usize> row << 2;
    store<i32>(<usize> tile.positions + place, first + index / group);
    store<f32>(<usize> tile.slopes + place, slopeOf(a, index % group * a.kvHeads + kvHead));
    store<f32>(<usize> tile.maxima + place, LOWEST);
    store<f32>(<usize> tile.totals + place, 0);
  }
  // Half a panel takes the memory of a whole one.
  memory.fill(tile.sums, 0, <usize> (tile.rows + PANEL - 1 & ~(PANEL - 1)) * tile.paddedDim << 2);
}

/** Packs queries times scale as [panel][dim][8], decayed to an xPos block unless that is `NO_BLOCK`. */
function packQueries(
  a: AttentionArguments,
  tile: Tile,
  b: i32,
  kvHead: i32,
  firstRow: i32,
  count: i32,
  xposBlock: i32,
): void {
  const group = a.heads / a.kvHeads;
  const powers: usize = tile.powers;
  let blocks = NO_BLOCK;
  for (let row = 0; row < tile.rows; row++) {
    const index = firstRow + min<i32>(row, count - 1);
    const head = index % group * a.kvHeads + kvHead;
    const query = a.q + ((<usize> (b * a.n + index / group) * a.heads + head) * a.dim << 2);
    let to = <usize> tile.queries + ((<usize> (row & ~7) * a.dim + (row & 7)) << 2);
    if (xposBlock === NO_BLOCK) {
      for (let e = 0; e < a.dim; e++, to += PANEL_BYTES) store<f32>(to, load<f32>(query + (<usize> e << 2)) * a.scale);
      continue;
    }
    const own = (load<i32>(<usize> tile.positions + (<usize> row << 2)) >> XPOS_BLOCK_BITS) - xposBlock;
    if (own !== blocks) decayPowers(a.decay, own, a.dim, powers);
    blocks = own;
    for (let e: usize = 0; e < <usize> a.dim << 2; e += 4, to += PANEL_BYTES) {
      store<f32>(to, load<f32>(query + e) * a.scale * load<f32>(powers + e));
    }
  }
}

/** Writes rows as results, or a chunk's rows as what `mergeChunks` takes. */
function storeRows(
  a: AttentionArguments,
  tile: Tile,
  b: i32,
  kvHead: i32,
  firstRow: i32,
  count: i32,
  chunk: i32,
): void {
  for (let row = 0; row < count; row++) {
    const total = load<f32>(<usize> tile.totals + (<usize> row << 2));
    const largest = load<f32>(<usize> tile.maxima + (<usize> row << 2));
    const factor = finishRow(a, b, kvHead, firstRow + row, chunk, largest, total);
    let to = rowAddress(a, b, kvHead, firstRow + row, chunk);
    let from = <usize> tile.sums + ((<usize> (row & ~7) * tile.paddedDim + (row & 7)) << 2);
    for (const end = to + (<usize> a.dim << 2); to < end; to += 4, from += PANEL_BYTES) {
      store<f32>(to, load<f32>(from) * factor);
    }
  }
}
