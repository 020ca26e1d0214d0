import {
  AttentionArguments, decayPowers, endKey, firstKey, firstQuery, keyBase, keyStride, XPOS_BLOCK_BITS,
} from "./attention_arguments";
import { attendBlock, Block, BLOCK, PANEL, PANEL_BYTES, Tile } from "./attention_tile";
import { LOWEST } from "./softmax";

/** Keys of a chunk, where keys are cut into chunks so that threads share them; the encoder knows it as well. */
const CHUNK = 1024;
/** Query rows of a tile at most. */
const TILE_ROWS = 128;
/** Scratch memory that the packed operands may take. */
const OPERAND_BYTES: usize = 900 << 10;

/**
 * Attention of tiles of query rows. The queries of all heads that read one key head make up the rows, a query's heads side by side, so
 * that keys and values are read once for the whole group. Where keys are cut into chunks, each leaves its sums for `mergeChunks`.
 */
export function attention(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const a = changetype<AttentionArguments>(args);
  const rows = a.n * (a.heads / a.kvHeads);
  if (rows === 0) return;
  const tile = makeTile(a, scratch);
  const tiles = (rows + tile.rows - 1) / tile.rows;
  const capacity = tile.rows;
  const units = a.batch * a.kvHeads * a.chunks * tiles;
  // Later tiles see more keys: dealing them out in turn is fairer than shares of neighbours.
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
  tile.isCausal = a.isCausal;
  tile.rows = min<i32>(TILE_ROWS, (rows + PANEL - 1) & ~(PANEL - 1));
  const width = <usize> tile.paddedDim << 2;
  while (tile.rows > PANEL && (<usize> tile.rows + BLOCK) * 2 * width > OPERAND_BYTES) tile.rows -= PANEL;
  let at = scratch + 128;
  tile.positions = <u32> at, at += TILE_ROWS << 2;
  tile.slopes = <u32> at, at += TILE_ROWS << 2;
  tile.maxima = <u32> at, at += TILE_ROWS << 2;
  tile.totals = <u32> at, at += TILE_ROWS << 2;
  tile.scores = <u32> at, at += BLOCK * PANEL_BYTES;
  tile.powers = <u32> at, at += width;
  tile.queries = <u32> at, at += tile.rows * width;
  tile.sums = <u32> at, at += tile.rows * width;
  tile.keys = <u32> at, at += BLOCK * width;
  tile.values = <u32> at;
  return tile;
}

/** Attention of rows `firstRow` and following, to a chunk of the keys. */
function attendTile(a: AttentionArguments, tile: Tile, b: i32, kvHead: i32, firstRow: i32, count: i32, chunk: i32): void {
  const first = firstQuery(a, b);
  const group = a.heads / a.kvHeads;
  tile.rows = (count + PANEL - 1) & ~(PANEL - 1);
  tile.hasSlopes = 0;
  for (let row = 0; row < tile.rows; row++) {
    const index = firstRow + min<i32>(row, count - 1);
    const place = <usize> row << 2;
    const slope = a.slopes ? load<f32>(<usize> a.slopes + (<usize> (index % group * a.kvHeads + kvHead) << 2)) : 0;
    if (slope !== 0) tile.hasSlopes = 1;
    store<i32>(<usize> tile.positions + place, first + index / group);
    store<f32>(<usize> tile.slopes + place, slope);
    store<f32>(<usize> tile.maxima + place, LOWEST);
    store<f32>(<usize> tile.totals + place, 0);
  }
  memory.fill(tile.sums, 0, <usize> tile.rows * tile.paddedDim << 2);

  // Inside `block` memory lies directly behind the tile's own fields.
  const block = changetype<Block>(changetype<usize>(tile) + 64);
  if (chunk === 0 && a.memory > 0) attendMemory(a, tile, block, b, kvHead, firstRow, count);

  let from = firstKey(a, first);
  let to = endKey(a, first);
  if (a.chunks > 1) {
    from += chunk * CHUNK;
    to = min<i32>(to, from + CHUNK);
  }
  if (a.isCausal) to = min<i32>(to, first + (firstRow + count - 1) / group + 1);
  attendKeys(a, tile, block, b, kvHead, firstRow, count, from, to);
  if (a.partials) storePartial(a, tile, b, kvHead, firstRow, count, chunk);
  else storeRows(a, tile, b, kvHead, firstRow, count);
}

function attendMemory(
  a: AttentionArguments, tile: Tile, block: Block, b: i32, kvHead: i32, firstRow: i32, count: i32,
): void {
  const bytes = <usize> a.dim << 2;
  packQueries(a, tile, b, kvHead, firstRow, count, i32.MIN_VALUE);
  block.stride = <u32> bytes;
  block.isMemory = 1;
  block.mask = 0;
  for (let key = 0; key < a.memory; key += BLOCK) {
    const offset = (<usize> kvHead * a.memory + key) * bytes;
    block.keys = a.memoryKeys + <u32> offset;
    block.values = a.memoryValues + <u32> offset;
    block.count = min<i32>(BLOCK, a.memory - key);
    attendBlock(tile, block);
  }
}

/** Attends to the keys at positions from ≤ p < to. */
function attendKeys(
  a: AttentionArguments, tile: Tile, block: Block, b: i32, kvHead: i32, firstRow: i32, count: i32, from: i32, to: i32,
): void {
  const keys = keyBase(a, a.k, b, kvHead);
  const values = keyBase(a, a.v, b, kvHead);
  const stride = keyStride(a);
  block.stride = <u32> stride;
  block.isMemory = 0;
  let xposBlock = i32.MIN_VALUE;
  if (!a.decay) packQueries(a, tile, b, kvHead, firstRow, count, xposBlock);
  for (let position = from; position < to;) {
    let end = min<i32>(position + BLOCK, to);
    if (a.decay) {
      const own = position >> XPOS_BLOCK_BITS;
      if (own !== xposBlock) packQueries(a, tile, b, kvHead, firstRow, count, own);
      xposBlock = own;
      end = min<i32>(end, (own + 1) << XPOS_BLOCK_BITS);
    }
    const column = a.isCache ? position % a.columns : position;
    if (a.isCache) end = min<i32>(end, position + a.columns - column);
    block.mask = 0;
    if (a.mask && position < a.maskWidth) {
      end = min<i32>(end, a.maskWidth);
      block.mask = a.mask + ((b * a.maskWidth + position) << 2);
    }
    block.keys = <u32> (keys + column * stride);
    block.values = <u32> (values + column * stride);
    block.position = position;
    block.count = end - position;
    attendBlock(tile, block);
    position = end;
  }
}

/** Packs queries times scale as [panel][dim][8], decayed to an xPos block unless that is `i32.MIN_VALUE`. */
function packQueries(
  a: AttentionArguments, tile: Tile, b: i32, kvHead: i32, firstRow: i32, count: i32, xposBlock: i32,
): void {
  const group = a.heads / a.kvHeads;
  const powers: usize = tile.powers;
  let blocks = i32.MIN_VALUE;
  for (let row = 0; row < tile.rows; row++) {
    const index = firstRow + min<i32>(row, count - 1);
    const head = index % group * a.kvHeads + kvHead;
    const query = <usize> a.q + ((<usize> (b * a.n + index / group) * a.heads + head) * a.dim << 2);
    let to = <usize> tile.queries + ((<usize> (row & ~7) * a.dim + (row & 7)) << 2);
    if (xposBlock === i32.MIN_VALUE) {
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

/** Writes the finished rows; a row that saw no key gives zeros. */
function storeRows(a: AttentionArguments, tile: Tile, b: i32, kvHead: i32, firstRow: i32, count: i32): void {
  const group = a.heads / a.kvHeads;
  for (let row = 0; row < count; row++) {
    const index = firstRow + row;
    const head = index % group * a.kvHeads + kvHead;
    const total = load<f32>(<usize> tile.totals + (<usize> row << 2));
    const out = <usize> a.out + ((<usize> (b * a.n + index / group) * a.heads + head) * a.dim << 2);
    storeRow(tile, row, total > 0 ? 1 / total : 0, out);
  }
}

function storeRow(tile: Tile, row: i32, factor: f32, out: usize): void {
  let from = <usize> tile.sums + ((<usize> (row & ~7) * tile.paddedDim + (row & 7)) << 2);
  for (const end = out + (<usize> tile.dim << 2); out < end; out += 4, from += PANEL_BYTES) {
    store<f32>(out, load<f32>(from) * factor);
  }
}

/** Leaves a chunk's sums for `mergeChunks`: [b · kvHeads, chunk, row, dim + 2], the last two the largest score and the total. */
function storePartial(
  a: AttentionArguments, tile: Tile, b: i32, kvHead: i32, firstRow: i32, count: i32, chunk: i32,
): void {
  const rows = a.n * (a.heads / a.kvHeads);
  const bytes = <usize> (a.dim + 2) << 2;
  const first = (<usize> (b * a.kvHeads + kvHead) * a.chunks + chunk) * rows + firstRow;
  for (let row = 0; row < count; row++) {
    const to = <usize> a.partials + (first + row) * bytes;
    storeRow(tile, row, 1, to);
    store<f32>(to + bytes - 8, load<f32>(<usize> tile.maxima + (<usize> row << 2)));
    store<f32>(to + bytes - 4, load<f32>(<usize> tile.totals + (<usize> row << 2)));
  }
}
