/**
 * Records of operations on weights.
 *
 * @module
 */

import type { DType, WeightFormat } from "../../../backend/memory.ts";
import { ConfigError } from "../../../errors.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../../formats/formats.ts";
import { rowBytes } from "../../../formats/rows.ts";
import * as record from "../../generated/records.ts";
import { BLOCK, PANEL, QUANTIZED_PANEL, STREAMED_ROWS } from "../constants.ts";
import { FormatId } from "../kernel_id.ts";
import { activationId, addressOf, type Encoders } from "./encoder.ts";

/** Encoders of operations on weights. */
export const weight = {
  linear({ x, weight, bias, activation, out }, recorder) {
    if (out.size === 0) return;
    const format = formatId(weight.dtype);
    const isBlocks = FORMATS[weight.dtype].blockSize > 1;
    let from = addressOf(x);
    if (isBlocks) {
      const inputs = recorder.temporary(inputBytes(out.rows, weight.width));
      const sizes = { rows: out.rows, inSize: weight.width, format };
      record.quantizeInputs(recorder, { x: from, inputs, ...sizes }, x.size * QUANTIZING);
      from = inputs;
    }
    const productOfRow = isBlocks ? record.linearBlocksRow : record.linearRow;
    const product = out.rows === 1 ? productOfRow : record.linear;
    product(recorder, {
      x: from,
      weight: addressOf(weight),
      bias: addressOf(bias),
      out: addressOf(out),
      rows: out.rows,
      inSize: weight.width,
      outSize: weight.rows,
      format,
      activation: activationId(activation),
    });
  },
} satisfies Partial<Encoders>;

/** Operations on one value that take as long as quantizing one. */
const QUANTIZING = 2;

/** Rows that many rows are filled up to a multiple of; `kernels/linear/quantize_inputs.ts` describes the layout. */
const INPUT_TILE = 4;

/** Bytes of quantized inputs: 16 bits for each, and for each block a scale and, of few rows, a correction. */
function inputBytes(rows: number, inSize: number): number {
  const blocks = Math.ceil(inSize / BLOCK);
  if (rows <= STREAMED_ROWS) return rows * blocks * (2 * BLOCK + 8);
  const wholeTiles = Math.ceil(rows / INPUT_TILE) * INPUT_TILE;
  return wholeTiles * blocks * (2 * BLOCK + 4);
}

/** The formats that there are kernels for: those that records have a number for. */
export const WASM_FORMATS: readonly WeightFormat[] = WEIGHT_FORMATS.filter((name) => name in FormatId);

/**
 * What a record calls a format.
 *
 * @throws {ConfigError} For one that there are no kernels for.
 */
export function formatId(dtype: DType): FormatId {
  if (dtype in FormatId && dtype !== "i32") return FormatId[dtype];
  throw new ConfigError(
    `Cannot keep values of format ${dtype} on wasm: it has no kernels; use ${WASM_FORMATS.join(", ")}`,
  );
}

/** Bytes of a weight [out, in]: its rows as they are stored, filled up to whole panels. */
export function weightBytes(out: number, inSize: number, dtype: DType): number {
  formatId(dtype);
  const format = FORMATS[dtype];
  const panel = format.blockSize > 1 ? QUANTIZED_PANEL : PANEL;
  return Math.ceil(out / panel) * panel * rowBytes(format, inSize);
}
