/**
 * Formats of weights as they lie in buffers: rows one after the other, each filled up with zeros to whole quads of
 * values or, where they are quantized, to whole blocks.
 *
 * @module
 */

import type { DType } from "../../backend/memory.ts";
import { ConfigError } from "../../errors.ts";
import { blockRowBytes, decodeBlocks, encodeBlocks, isBlockFormat } from "./blocks.ts";
import { fromHalf, toHalf } from "./half.ts";

/** Bytes of one row of a weight. @throws {ConfigError} for a format that there is not */
export function rowBytes(dtype: DType, width: number): number {
  const quads = Math.ceil(width / 4);
  if (dtype === "f32") return 16 * quads;
  if (dtype === "f16") return 8 * quads;
  if (isBlockFormat(dtype)) return blockRowBytes(dtype, width);
  throw new ConfigError(`Cannot make a weight of format ${dtype}: expected f32, f16, q8_0 or q4_0`);
}

/** Bytes of what kernels read of a weight at a time: a quad of values, or a word of quants. */
export function elementBytes(dtype: DType): number {
  return dtype === "f32" ? 16 : dtype === "f16" ? 8 : 4;
}

/** Rows of a weight in its format, from row-major values. */
export function encodeRows(dtype: DType, width: number, rows: Float32Array): ArrayBufferView<ArrayBuffer> {
  if (isBlockFormat(dtype)) return encodeBlocks(dtype, width, rows);
  const padded = changeWidth(rows, width, 4 * Math.ceil(width / 4));
  return dtype === "f16" ? toHalf(padded) : padded;
}

/** Row-major values from rows of a weight in its format. */
export function decodeRows(dtype: DType, width: number, bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  if (isBlockFormat(dtype)) return decodeBlocks(dtype, width, bytes);
  const padded = dtype === "f16" ? fromHalf(new Uint16Array(bytes)) : new Float32Array(bytes);
  return changeWidth(padded, 4 * Math.ceil(width / 4), width);
}

/** Rows cut off or filled up with zeros to another width. */
function changeWidth(values: Float32Array, from: number, to: number): Float32Array<ArrayBuffer> {
  if (from === to) return values.buffer instanceof ArrayBuffer ? values as Float32Array<ArrayBuffer> : values.slice();
  const rows = values.length / from;
  const result = new Float32Array(rows * to);
  const shared = Math.min(from, to);
  for (let row = 0; row < rows; row++) {
    result.set(values.subarray(row * from, row * from + shared), row * to);
  }
  return result;
}
