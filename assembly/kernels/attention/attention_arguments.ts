import { FormatId } from "../../records/kernel_id";
import { Address, Flag } from "../common/fields";
import { rowBytes } from "../formats/formats";
import { cacheRow, positionOf } from "./positions";

/** Positions that an xPos block covers. */
export const XPOS_BLOCK_BITS: i32 = 9;

/** Arguments of the attention kernels, as they lie in the record; addresses of what is absent are 0. */
// @ts-ignore: decorator
@unmanaged
export class AttentionArguments {
  /** Queries [b, n, H·d], or probabilities [b, H, n, memory + columns]. */
  q: Address;
  /** Keys and values [b, columns, kvHeads·d], or caches [b, kvHeads, columns, d]. */
  k: Address;
  v: Address;
  /** [b, n, H·d], or scores [b, H, n, memory + columns]. */
  out: Address;
  /** Position of the first query of each sequence, see `positions.ts`; 0: the last query stands at the last key. */
  positions: Address;
  /** ALiBi: [H]. */
  slopes: Address;
  /** [b, maskWidth] of i32, 0 where a key is hidden. */
  mask: Address;
  /** Learned keys and values [kvHeads, memory, d]. */
  memoryKeys: Address;
  memoryValues: Address;
  /** xPos: decay of each feature over a block [d]. */
  decay: Address;
  scale: f32;
  isCausal: Flag;
  heads: i32;
  kvHeads: i32;
  /** d. */
  dim: i32;
  batch: i32;
  n: i32;
  /** Keys of a sequence, or the capacity of a cache. */
  columns: i32;
  isCache: Flag;
  /** Rows of the cache, if positions give the row of each sequence; else 0. */
  cacheRows: i32;
  memory: i32;
  /** Keys that the mask covers. */
  maskWidth: i32;
  /** Format of keys and values: f32, or a cache's. */
  format: FormatId;
  /** Where chunks of keys leave their sums, or 0 if keys are not cut into chunks. */
  partials: Address;
  chunks: i32;
}

/** Given positions are clamped to this distance from 0, so that sums of positions and lengths stay within 32 bits. */
const FARTHEST: i32 = 1 << 30;

/** The position of the first query of sequence `b`. */
export function firstQuery(a: AttentionArguments, b: i32): i32 {
  if (!a.positions) return a.columns - a.n;
  return max<i32>(min<i32>(positionOf(a.positions, b, a.cacheRows), FARTHEST), -FARTHEST);
}

/** The position of the first key that there is, when the first query is at `first`. */
export function firstKey(a: AttentionArguments, first: i32): i32 {
  return a.isCache ? max<i32>(first + a.n - a.columns, 0) : 0;
}

/** The position behind the last key that there is. */
export function endKey(a: AttentionArguments, first: i32): i32 {
  return a.isCache ? max<i32>(first + a.n, 0) : a.columns;
}

/** Bytes from one key to the next. */
export function keyStride(a: AttentionArguments): usize {
  return a.isCache ? rowBytes(a.dim, a.format) : <usize> (a.dim * a.kvHeads) << 2;
}

/** Address of a key or value head's first column in `keys`, which is `a.k` or `a.v`. */
export function keyBase(a: AttentionArguments, keys: usize, b: i32, kvHead: i32): usize {
  const head = rowBytes(a.dim, a.format);
  const sequence = keys + <usize> cacheRow(a.positions, b, a.cacheRows) * a.columns * a.kvHeads * head;
  return sequence + kvHead * (a.isCache ? a.columns * head : head);
}

/** Whether the mask hides the key at a position. */
export function isMasked(a: AttentionArguments, b: i32, position: i32): bool {
  if (!a.mask || position >= a.maskWidth) return false;
  return load<i32>(a.mask + ((<usize> b * a.maskWidth + position) << 2)) === 0;
}

/** xPos: decay^blocks for each feature, written to `powers`. */
export function decayPowers(decay: usize, blocks: i32, dim: i32, powers: usize): void {
  for (let feature = 0; feature < dim; feature++, decay += 4, powers += 4) {
    let base = load<f32>(decay);
    if (blocks < 0) base = 1 / base;
    let power: f32 = 1;
    for (let exponent = abs<i32>(blocks); exponent > 0; exponent >>= 1) {
      if (exponent & 1) power *= base;
      base *= base;
    }
    store<f32>(powers, power);
  }
}
