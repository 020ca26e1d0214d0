/**
 * Rows of values as a format stores them, one after the other. A row that ends inside a block goes on with zeros.
 *
 * @module
 */

import type { Format } from "./format.ts";
import type { FormatName } from "./formats.ts";

/**
 * Rows of values as a file holds them, in whole blocks.
 *
 * @category Weights
 */
export interface StoredRows {
  /** The format of the values. */
  readonly format: FormatName;
  /** The rows, little-endian. */
  readonly bytes: Uint8Array;
}

/** Bytes of a row of `width` values. */
export function rowBytes({ blockSize, blockBytes }: Format, width: number): number {
  return Math.ceil(width / blockSize) * blockBytes;
}

/**
 * Rows of `width` values as a format stores them.
 *
 * @throws {TypeError} Where the format is only read.
 */
export function encodeRows(format: Format, width: number, values: Float32Array): Uint8Array<ArrayBuffer> {
  const { name, blockSize, fromFloats } = format;
  if (!fromFloats) throw new TypeError(`Cannot convert values to ${name}: it is only read; take f32 or f16`);
  const [count, stride] = [values.length / Math.max(width, 1), rowBytes(format, width)];
  const bytes = new Uint8Array(count * stride);
  if (width % blockSize === 0) {
    fromFloats(values, bytes);
    return bytes;
  }
  const padded = new Float32Array(Math.ceil(width / blockSize) * blockSize);
  for (let row = 0; row < count; row++) {
    padded.set(values.subarray(row * width, (row + 1) * width));
    fromFloats(padded, bytes.subarray(row * stride, (row + 1) * stride));
  }
  return bytes;
}

/** The values of stored rows of `width` values. */
export function decodeRows(format: Format, width: number, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { blockSize } = format;
  const stride = rowBytes(format, width);
  const count = bytes.byteLength / Math.max(stride, 1);
  const values = new Float32Array(count * width);
  if (width % blockSize === 0) {
    format.toFloats(bytes, values);
    return values;
  }
  const padded = new Float32Array(Math.ceil(width / blockSize) * blockSize);
  for (let row = 0; row < count; row++) {
    format.toFloats(bytes.subarray(row * stride, (row + 1) * stride), padded);
    values.set(padded.subarray(0, width), row * width);
  }
  return values;
}
