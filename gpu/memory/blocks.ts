/**
 * GGML's q8_0 and q4_0 as they lie in buffers, in weights and (q8_0) in caches: blocks of 32 values of a row that share
 * an f16 scale d.
 *
 * A block of 34 or 18 bytes has no place among 32-bit words, so a row keeps its scales behind its quants:
 *
 *     q8_0: 8 words for each block, four signed bytes q in a word, value = d · q
 *     q4_0: 4 words for each block, byte i holds the nibbles q of values i (low) and i + 16 (high), value = d · (q - 8)
 *     then the scales of all blocks, two to a word
 *
 * So kernels read whole words, invocations side by side words side by side, and no more bytes than the blocks have. A
 * row that ends inside a block goes on with zeros; one of an odd number of blocks ends in an empty half word.
 *
 * @module
 */

import { fromHalf, toHalf } from "./half.ts";

/** A format of blocks. */
export type BlockFormat = "q8_0" | "q4_0";

/** Values that share a scale. */
export const BLOCK = 32;

/** Bytes of a block's quants. */
const QUANT_BYTES = { q8_0: 32, q4_0: 16 };

/** Writes a block's values times 1 / d as quants. */
type Write = (block: Float32Array, inverse: number, quants: Uint8Array) => void;

/** Whether a format is one of blocks. */
export function isBlockFormat(dtype: string): dtype is BlockFormat {
  return dtype === "q8_0" || dtype === "q4_0";
}

/** Bytes of a row of `width` values. */
export function blockRowBytes(format: BlockFormat, width: number): number {
  const blocks = Math.ceil(width / BLOCK);
  return blocks * QUANT_BYTES[format] + 4 * Math.ceil(blocks / 2);
}

/**
 * Quantizes rows of `width` values as GGML does, to the bit: `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` of
 * ggml-quants.c.
 */
export function encodeBlocks(format: BlockFormat, width: number, rows: Float32Array): Uint8Array<ArrayBuffer> {
  const [stride, blocks, quantBytes] = [blockRowBytes(format, width), Math.ceil(width / BLOCK), QUANT_BYTES[format]];
  const bytes = new Uint8Array(rows.length / width * stride);
  const scales = new Float32Array(blocks);
  const write = format === "q8_0" ? writeBytes : writeNibbles;
  for (let first = 0, at = 0; first < rows.length; first += width, at += stride) {
    for (let block = 0; block < blocks; block++) {
      const from = first + block * BLOCK;
      const values = rows.subarray(from, Math.min(from + BLOCK, first + width));
      scales[block] = quantize(values, format, write, bytes.subarray(at + block * quantBytes));
    }
    new Uint16Array(bytes.buffer, at + blocks * quantBytes, blocks).set(toHalf(scales));
  }
  return bytes;
}

/** The values of rows, exact in f32. */
export function decodeBlocks(format: BlockFormat, width: number, buffer: ArrayBuffer): Float32Array<ArrayBuffer> {
  const [stride, blocks, quantBytes] = [blockRowBytes(format, width), Math.ceil(width / BLOCK), QUANT_BYTES[format]];
  const count = buffer.byteLength / stride;
  const rows = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const scales = fromHalf(new Uint16Array(buffer, row * stride + blocks * quantBytes, blocks));
    const quants = new Uint8Array(buffer, row * stride, blocks * quantBytes);
    for (let i = 0; i < width; i++) {
      const [block, place] = [i >> 5, i & 31];
      rows[row * width + i] = (scales[block] ?? 0) * quantAt(quants, format, block, place);
    }
  }
  return rows;
}

/** Writes a block's quants, whose values may end early; gives its scale. */
function quantize(values: Float32Array, format: BlockFormat, write: Write, quants: Uint8Array): number {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  const scale = Math.fround(format === "q8_0" ? Math.abs(largest) / 127 : largest / -8);
  write(values, scale === 0 ? 0 : Math.fround(1 / scale), quants);
  return scale;
}

/** Rounded to the nearest, halves away from zero. */
function writeBytes(block: Float32Array, inverse: number, quants: Uint8Array): void {
  for (let i = 0; i < block.length; i++) {
    const value = Math.fround((block[i] ?? 0) * inverse);
    quants[i] = value < 0 ? value - 0.5 : value + 0.5;
  }
}

/** Rounded to the nearest, halves upwards; 8, which is zero, where there is no value. */
function writeNibbles(block: Float32Array, inverse: number, quants: Uint8Array): void {
  for (let i = 0; i < BLOCK; i++) {
    const nibble = Math.min(15, Math.fround(Math.fround((block[i] ?? 0) * inverse) + 8.5));
    if (i < BLOCK / 2) quants[i] = nibble;
    else quants[i - BLOCK / 2] = (quants[i - BLOCK / 2] ?? 0) | nibble << 4;
  }
}

function quantAt(quants: Uint8Array, format: BlockFormat, block: number, place: number): number {
  if (format === "q8_0") return (quants[block * BLOCK + place] ?? 0) << 24 >> 24;
  const byte = quants[block * BLOCK / 2 + (place & 15)] ?? 0;
  return (place < 16 ? byte & 15 : byte >> 4) - 8;
}
