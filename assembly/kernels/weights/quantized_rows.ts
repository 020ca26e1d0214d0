import { BLOCK, QUANTIZED_PANEL } from "../../records/constants";
import { blockBytes, fromFloats, fromPanel, toFloats, toPanel } from "../formats/formats";
import { blockCount, panelBlockBytes, quantBytes } from "./quantized_panels";

/*
 * Rows into quantized weights and back. A row that ends inside a block is quantized as if zeros followed: they change
 * no scale.
 */

/** Bytes of scratch that a block takes, at most; behind it there is room for its values. */
const BLOCK_ROOM: usize = 128;

/** Where a row's part of a weight begins: the word of its first features. */
// @ts-ignore: decorator
@inline
function wordOf(weight: usize, row: i32, inSize: i32, format: i32): usize {
  const panel = weight + <usize> (row / QUANTIZED_PANEL * blockCount(inSize)) * panelBlockBytes(format);
  return panel + (<usize> (row % QUANTIZED_PANEL) << 2);
}

/** Where a row's scale of a block lies, given its word. */
// @ts-ignore: decorator
@inline
function scaleOf(word: usize, row: i32, quants: usize): usize {
  return word + quants - (<usize> (row % QUANTIZED_PANEL) << 1);
}

/** Quantizes one row of f32 into a weight; `scratch` takes a block and its values. */
export function writeQuantizedRow(
  from: usize,
  weight: usize,
  row: i32,
  inSize: i32,
  format: i32,
  scratch: usize,
): void {
  let word = wordOf(weight, row, inSize, format);
  const quants = quantBytes(format), step = panelBlockBytes(format);
  for (let left = inSize; left > 0; left -= BLOCK, from += BLOCK << 2, word += step) {
    let values = from;
    if (left < BLOCK) {
      values = scratch + BLOCK_ROOM;
      memory.fill(values, 0, BLOCK << 2);
      memory.copy(values, from, <usize> left << 2);
    }
    fromFloats(values, scratch, BLOCK, format);
    store<u16>(scaleOf(word, row, quants), load<u16>(scratch));
    toPanel(scratch, word, format);
  }
}

/** Copies one row of a weight as f32; `scratch` takes a block and its values. */
export function readQuantizedRow(weight: usize, row: i32, inSize: i32, format: i32, to: usize, scratch: usize): void {
  let word = wordOf(weight, row, inSize, format);
  const quants = quantBytes(format), step = panelBlockBytes(format);
  for (let left = inSize; left > 0; left -= BLOCK, to += BLOCK << 2, word += step) {
    store<u16>(scratch, load<u16>(scaleOf(word, row, quants)));
    fromPanel(word, scratch, format);
    if (left >= BLOCK) {
      toFloats(scratch, to, BLOCK, format);
    } else {
      toFloats(scratch, scratch + BLOCK_ROOM, BLOCK, format);
      memory.copy(to, scratch + BLOCK_ROOM, <usize> left << 2);
    }
  }
}

/** Puts a row of blocks into a weight, bit by bit. */
export function writeBlocks(from: usize, weight: usize, row: i32, inSize: i32, format: i32): void {
  let word = wordOf(weight, row, inSize, format);
  const quants = quantBytes(format), step = panelBlockBytes(format), bytes = blockBytes(format);
  for (let block = blockCount(inSize); block > 0; block--, from += bytes, word += step) {
    store<u16>(scaleOf(word, row, quants), load<u16>(from));
    toPanel(from, word, format);
  }
}

/** Copies one row of a weight as blocks, bit by bit. */
export function readBlocks(weight: usize, row: i32, inSize: i32, format: i32, to: usize): void {
  let word = wordOf(weight, row, inSize, format);
  const quants = quantBytes(format), step = panelBlockBytes(format), bytes = blockBytes(format);
  for (let block = blockCount(inSize); block > 0; block--, to += bytes, word += step) {
    store<u16>(to, load<u16>(scaleOf(word, row, quants)));
    fromPanel(word, to, format);
  }
}
