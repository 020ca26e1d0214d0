/**
 * Values as they are after a format has held them. `formats/` itself is held to GGML's and PyTorch's bits by tests of
 * its own, and so is its rounding.
 *
 * @module
 */

import { FORMATS } from "../../formats/formats.ts";
import { decodeRows, encodeRows } from "../../formats/rows.ts";
import { size, type Values } from "./values.ts";

/**
 * Values that came back from a format.
 *
 * @param width Values of a row, whose last block goes on with zeros; default: the last dimension.
 */
export function stored(
  { shape, data }: Values,
  format: keyof typeof FORMATS,
  width: number = size({ shape, data }, -1),
): { shape: readonly number[]; data: Float32Array<ArrayBuffer> } {
  const bytes = encodeRows(FORMATS[format], width, Float32Array.from(data));
  return { shape, data: decodeRows(FORMATS[format], width, bytes) };
}
