/**
 * Records of operations on weights.
 *
 * @module
 */

import type { DType } from "../../../backend/memory.ts";
import { ConfigError } from "../../../errors.ts";
import { Kernel } from "../../generated/kernel.ts";
import { BLOCK, PANEL, QUANTIZED_PANEL, STREAMED_ROWS } from "../constants.ts";
import { FormatId } from "../kernel_id.ts";
import { activationId, addressOf, type Encoders } from "./encoder.ts";

/** Encoders of operations on weights. */
export const weight: Pick<Encoders, "embedding" | "linear"> = {
  embedding({ tokens, weight, out }, recorder) {
    const [ids, table, result] = [addressOf(tokens), addressOf(weight), addressOf(out)];
    const format = formatId(weight.dtype);
    recorder.push(Kernel.embedding, ids, table, result, tokens.size, weight.rows, weight.width, format);
  },
  linear({ x, weight, bias, activation, out }, recorder) {
    if (out.size === 0) return;
    const [matrix, result] = [addressOf(weight), addressOf(out)];
    const [format, id] = [formatId(weight.dtype), activationId(activation)];
    let from = addressOf(x);
    if (format === FormatId.q8_0 || format === FormatId.q4_0) {
      const inputs = recorder.temporary(inputBytes(out.rows, weight.width));
      recorder.prepare(x.size * QUANTIZING, Kernel.quantizeInputs, from, inputs, out.rows, weight.width, format);
      from = inputs;
    }
    const sizes = [out.rows, weight.width, weight.rows];
    recorder.push(Kernel.linear, from, matrix, addressOf(bias), result, ...sizes, format, id);
  },
};

/** Operations on one value that take as long as quantizing one. */
const QUANTIZING = 2;

/** Rows that many rows are filled up to a multiple of; `kernels/quantize_inputs.ts` describes the layout. */
const INPUT_TILE = 4;

/** Bytes of quantized inputs: 16 bits for each, and for each block a scale and, of few rows, a correction. */
function inputBytes(rows: number, inSize: number): number {
  const blocks = Math.ceil(inSize / BLOCK);
  if (rows <= STREAMED_ROWS) return rows * blocks * (2 * BLOCK + 8);
  const wholeTiles = Math.ceil(rows / INPUT_TILE) * INPUT_TILE;
  return wholeTiles * blocks * (2 * BLOCK + 4);
}

/** What a record calls a weight's format. @throws {ConfigError} for what is none */
export function formatId(dtype: DType): FormatId {
  switch (dtype) {
    case "f32":
    case "f16":
    case "q8_0":
    case "q4_0":
      return FormatId[dtype];
    default:
      throw new ConfigError(`Cannot make a weight of format ${dtype}: expected f32, f16, q8_0 or q4_0`);
  }
}

/** Bytes of a weight [out, in] as the kernels lay it out. @throws {ConfigError} for a format that there is not */
export function weightBytes(out: number, inSize: number, dtype: DType): number {
  switch (formatId(dtype)) {
    case FormatId.f32:
      return Math.ceil(out / PANEL) * PANEL * inSize * 4;
    case FormatId.f16:
      return Math.ceil(out / PANEL) * PANEL * inSize * 2;
    case FormatId.q8_0:
      return quantizedBytes(out, inSize, 8);
    case FormatId.q4_0:
      return quantizedBytes(out, inSize, 4);
  }
}

/** Panels of blocks: in each block every output feature has an f16 scale and BLOCK values. */
function quantizedBytes(out: number, inSize: number, bits: number): number {
  const rows = Math.ceil(out / QUANTIZED_PANEL) * QUANTIZED_PANEL;
  return rows * Math.ceil(inSize / BLOCK) * (2 + BLOCK * bits / 8);
}
