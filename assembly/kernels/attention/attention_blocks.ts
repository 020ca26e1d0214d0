import { CHUNK } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { toFloats } from "../formats/formats";
import {
  AttentionArguments,
  endKey,
  firstKey,
  firstQuery,
  keyBase,
  keyStride,
  XPOS_BLOCK_BITS,
} from "./attention_arguments";

/** Keys of a block at most. */
export const BLOCK: i32 = 64;
/**
 * Memory for keys and values of `BLOCK` positions of heads up to 128 wide; wider heads have fewer positions in a block.
 */
export const BUFFER_BYTES: usize = 65536;

/** Keys at consecutive positions. */
// @ts-ignore: decorator
@unmanaged
export class Block {
  keys: u32;
  values: u32;
  /** Bytes from one to the next. */
  stride: u32;
  count: i32;
  /** Position of the first; without meaning for memory keys. */
  position: i32;
  /** Learned keys: seen by every query, whatever its position. */
  isMemory: i32;
  /** The mask of the first key, or 0. */
  mask: u32;
  /** `BUFFER_BYTES` of scratch memory where keys and values become f32; 0: they stay as the cache holds them. */
  buffer: u32;
  /** Format of keys and values. */
  format: i32;
}

/** The first of the keys in a chunk, of all keys if there are no chunks, for queries from position `first` on. */
export function chunkStart(a: AttentionArguments, first: i32, chunk: i32): i32 {
  return firstKey(a, first) + chunk * CHUNK;
}

/** The position behind the last key of a chunk. */
export function chunkEnd(a: AttentionArguments, first: i32, chunk: i32): i32 {
  const end = endKey(a, first);
  return a.chunks > 1 ? min<i32>(end, chunkStart(a, first, chunk) + CHUNK) : end;
}

/** Makes `block` the memory keys from `from` on. Gives the index behind the last one. */
export function takeMemory(a: AttentionArguments, block: Block, kvHead: i32, from: i32): i32 {
  const bytes = <u32> a.dim << 2;
  const offset = <u32> (kvHead * a.memory + from) * bytes;
  const end = min<i32>(from + BLOCK, a.memory);
  block.keys = a.memoryKeys + offset;
  block.values = a.memoryValues + offset;
  block.stride = bytes;
  block.count = end - from;
  block.isMemory = 1;
  block.mask = 0;
  block.format = FormatId.f32;
  return end;
}

/**
 * Makes `block` the keys from position `from` on that lie side by side, are all covered by the mask or all not, and are
 * in one xPos block. Gives the position behind the last one.
 */
export function takeKeys(a: AttentionArguments, block: Block, b: i32, kvHead: i32, from: i32, to: i32): i32 {
  let end = min<i32>(from + BLOCK, to);
  if (a.decay) end = min<i32>(end, (from >> XPOS_BLOCK_BITS) + 1 << XPOS_BLOCK_BITS);
  const column = a.isCache ? from % a.columns : from;
  if (a.isCache) end = min<i32>(end, from + a.columns - column);
  const isWidened = a.format != FormatId.f32 && block.buffer != 0;
  if (isWidened) end = min<i32>(end, from + <i32> (BUFFER_BYTES >> 3) / a.dim);
  block.mask = 0;
  if (a.mask && from < a.maskWidth) {
    end = min<i32>(end, a.maskWidth);
    block.mask = a.mask + ((b * a.maskWidth + from) << 2);
  }
  const stride = keyStride(a);
  block.keys = <u32> (keyBase(a, a.k, b, kvHead) + column * stride);
  block.values = <u32> (keyBase(a, a.v, b, kvHead) + column * stride);
  block.stride = <u32> stride;
  block.count = end - from;
  block.position = from;
  block.isMemory = 0;
  block.format = a.format;
  if (isWidened) widen(block, a.dim, a.format);
  return end;
}

/** Converts a block's keys and values to f32, once for all rows that look at them. */
function widen(block: Block, dim: i32, format: i32): void {
  const bytes = <u32> dim << 2;
  const values = block.buffer + block.count * bytes;
  for (let key = 0; key < block.count; key++) {
    toFloats(block.keys + key * block.stride, block.buffer + key * bytes, dim, format);
    toFloats(block.values + key * block.stride, values + key * bytes, dim, format);
  }
  block.keys = block.buffer;
  block.values = values;
  block.stride = bytes;
  block.format = FormatId.f32;
}
