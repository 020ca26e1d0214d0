import { BLOCK } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { addScaled as addScaledFloats, dot as dotFloats } from "../common/dot";
import * as f16 from "./f16";
import { addPanel as addFloats, packPanel as packFloats } from "./f32";
import * as q4_0 from "./q4_0";
import * as q8_0 from "./q8_0";

/*
 * What each format does, by the format: a branch for a row, a panel or a block, never for a value.
 */

/** Whether values come in blocks. */
// @ts-ignore: decorator
@inline
export function isBlocked(format: i32): bool {
  return format != FormatId.f32 && format != FormatId.f16;
}

/** Bytes of a row of whole blocks, as files and caches hold it. */
export function rowBytes(count: i32, format: i32): usize {
  if (format == FormatId.f32) return <usize> count << 2;
  if (format == FormatId.f16) return <usize> count << 1;
  return <usize> ((count + BLOCK - 1) / BLOCK) * blockBytes(format);
}

/** Bytes of a block. */
export function blockBytes(format: i32): usize {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.BYTES;
    case FormatId.q4_0:
      return q4_0.BYTES;
    default:
      return unreachable();
  }
}

/** A row of whole blocks from f32. */
export function fromFloats(from: usize, to: usize, count: i32, format: i32): void {
  switch (format) {
    case FormatId.f32:
      return memory.copy(to, from, <usize> count << 2);
    case FormatId.f16:
      return f16.fromFloats(from, to, count);
    case FormatId.q8_0:
      return q8_0.fromFloats(from, to, count);
    case FormatId.q4_0:
      return q4_0.fromFloats(from, to, count);
    default:
      unreachable();
  }
}

/** A row of whole blocks as f32. */
export function toFloats(from: usize, to: usize, count: i32, format: i32): void {
  switch (format) {
    case FormatId.f32:
      return memory.copy(to, from, <usize> count << 2);
    case FormatId.f16:
      return f16.toFloats(from, to, count);
    case FormatId.q8_0:
      return q8_0.toFloats(from, to, count);
    case FormatId.q4_0:
      return q4_0.toFloats(from, to, count);
    default:
      unreachable();
  }
}

/** What queries are multiplied by before `dot`. */
export function queryFactor(format: i32): f32 {
  return format == FormatId.f16 ? f16.QUERY_FACTOR : 1;
}

/** query · row of a cache; the query has `queryFactor` in it. */
export function dot(query: usize, row: usize, count: i32, format: i32): f32 {
  if (format == FormatId.f16) return f16.dot(query, row, count);
  if (format == FormatId.q8_0) return q8_0.dot(query, row, count);
  return dotFloats(query, row, count);
}

/** sums += Σ weight · row of a cache, rows `stride` bytes apart. */
export function addScaled(
  weights: usize,
  rows: i32,
  row: usize,
  stride: usize,
  sums: usize,
  count: i32,
  format: i32,
): void {
  if (format == FormatId.f16) return f16.addScaled(weights, rows, row, stride, sums, count);
  if (format == FormatId.q8_0) return q8_0.addScaled(weights, rows, row, stride, sums, count);
  for (const end = weights + (<usize> rows << 2); weights < end; weights += 4, row += stride) {
    addScaledFloats(load<f32>(weights), row, sums, count);
  }
}

/** Prepares the sums [32] or [16] of a panel for `addPanel` or `addBlocks`. */
export function beginPanel(sums: usize, format: i32): void {
  if (format == FormatId.f16) f16.beginPanel(sums);
}

/** Makes sums of what `addPanel` or `addBlocks` have left. */
export function finishPanel(sums: usize, format: i32): void {
  if (format == FormatId.f16) f16.finishPanel(sums);
}

/** sums [32] += x · a panel of values, `depth` features deep; between `beginPanel` and `finishPanel`. */
export function addPanel(panel: usize, x: usize, depth: i32, sums: usize, format: i32): void {
  if (format == FormatId.f16) f16.addPanel(panel, x, depth, sums);
  else addFloats(panel, x, depth, sums);
}

/** A panel of values [depth][32] as four tiles [depth][8] of f32. */
export function packPanel(panel: usize, depth: i32, a: usize, b: usize, c: usize, d: usize, format: i32): void {
  if (format == FormatId.f16) f16.packPanel(panel, depth, a, b, c, d);
  else packFloats(panel, depth, a, b, c, d);
}

/** Words of each output feature in a block of a panel. */
export function words(format: i32): usize {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.WORDS;
    case FormatId.q4_0:
      return q4_0.WORDS;
    default:
      return unreachable();
  }
}

/** A block's quants into a panel, from the word of its first features on. */
export function toPanel(block: usize, word: usize, format: i32): void {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.toPanel(block, word);
    case FormatId.q4_0:
      return q4_0.toPanel(block, word);
    default:
      unreachable();
  }
}

/** A block's quants from a panel. */
export function fromPanel(word: usize, block: usize, format: i32): void {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.fromPanel(word, block);
    case FormatId.q4_0:
      return q4_0.fromPanel(word, block);
    default:
      unreachable();
  }
}

/** What inputs are multiplied by for the sum that the bias of a panel's quants has added, negated. */
export function biasFactors(format: i32): v128 {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.biasFactors();
    case FormatId.q4_0:
      return q4_0.biasFactors();
    default:
      return unreachable();
  }
}

/** sums [16] += blocks of a panel · quantized inputs. */
export function addBlocks(weight: usize, x: usize, scales: usize, blocks: i32, sums: usize, format: i32): void {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.addPanel(weight, x, scales, blocks, sums);
    case FormatId.q4_0:
      return q4_0.addPanel(weight, x, scales, blocks, sums);
    default:
      unreachable();
  }
}

/** `addBlocks` of two rows, whose inputs, scales and sums lie so many bytes apart. */
export function addBlocksOfTwo(
  weight: usize,
  x: usize,
  xStride: usize,
  scales: usize,
  scaleStride: usize,
  blocks: i32,
  sums: usize,
  stride: usize,
  format: i32,
): void {
  if (format == FormatId.q8_0) {
    return q8_0.addPanelOfTwo(weight, x, xStride, scales, scaleStride, blocks, sums, stride);
  }
  addBlocks(weight, x, scales, blocks, sums, format);
  addBlocks(weight, x + xStride, scales + scaleStride, blocks, sums + stride, format);
}

/** A block of a panel as pairs of 16-bit integers [depth / 2][8][2]: columns 0 to 7 to `first`, 8 to 15 to `second`. */
export function unpackBlock(weight: usize, first: usize, second: usize, format: i32): void {
  switch (format) {
    case FormatId.q8_0:
      return q8_0.unpackBlock(weight, first, second);
    case FormatId.q4_0:
      return q4_0.unpackBlock(weight, first, second);
    default:
      unreachable();
  }
}
