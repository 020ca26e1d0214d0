/**
 * GGML's q8_0, to the bit: values in blocks of 32, each block an f16 scale d and 32 signed bytes q, value = d · q.
 *
 * The format: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h (`block_q8_0`), its rounding
 * `quantize_row_q8_0_ref` in ggml-quants.c. A safetensors file has no such dtype: it holds the blocks of a tensor
 * [..., n] as U8 [..., n / 32, 34].
 *
 * @module
 */

import { ShapeError, WeightsError } from "../../backend.ts";
import { f16BitsOfF32, f32BitsOfF16 } from "./float16.ts";

/** Values in a block. */
export const BLOCK_VALUES = 32;

/** Bytes of a q8_0 block: the scale, little-endian, then the values. */
export const Q8_0_BYTES = 34;

/** The largest q. */
const Q8_0_MAX = 127;

/** What would round to an infinite f16. */
const F16_LIMIT = 65520;

/**
 * The shape of a tensor's blocks.
 *
 * @param shape [..., n]
 * @returns [..., n / 32, 34]
 * @throws {ShapeError} If rows are not whole blocks.
 */
export function blocksShape(shape: readonly number[]): number[] {
  const width = shape.at(-1) ?? 1;
  if (width % BLOCK_VALUES !== 0) {
    throw new ShapeError(
      `Cannot cut rows of [${shape.join(", ")}] into q8_0 blocks: the last dimension must be a multiple of ` +
        `${BLOCK_VALUES}: keep this tensor in f32 or f16`,
    );
  }
  return [...shape.slice(0, -1), width / BLOCK_VALUES, Q8_0_BYTES];
}

/**
 * The blocks of f32 values. Values that came from blocks give the same blocks again.
 *
 * @param values As many as a multiple of 32.
 * @throws {WeightsError} If a value is not finite, or too large for an f16 scale (above 8.3 million).
 */
export function quantizeQ8(values: Float32Array): Uint8Array<ArrayBuffer> {
  const blocks = new Uint8Array(sizeOfBlocks(values.length));
  const view = new DataView(blocks.buffer);
  const scale = new Float32Array(1);
  const scaleBits = new Uint32Array(scale.buffer);
  for (let first = 0, at = 0; first < values.length; first += BLOCK_VALUES, at += Q8_0_BYTES) {
    const block = values.subarray(first, first + BLOCK_VALUES);
    const largest = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const d = scale[0] = Math.fround(largest / Q8_0_MAX);
    if (!(d < F16_LIMIT)) {
      throw new WeightsError(
        `Cannot quantise values from ${first} on to q8_0: the largest magnitude of 32 is ${largest}, and its scale ` +
          `must be below ${F16_LIMIT}: keep this tensor in f32`,
      );
    }
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    view.setUint16(at, f16BitsOfF32(scaleBits[0] ?? 0), true);
    for (let i = 0; i < BLOCK_VALUES; i++) {
      view.setInt8(at + 2 + i, roundHalfAway(Math.fround((block[i] ?? 0) * inverse)));
    }
  }
  return blocks;
}

/**
 * The f32 values of blocks.
 *
 * @param values Filled with 32 values for each block.
 */
export function dequantizeQ8(blocks: Uint8Array, values: Float32Array): void {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const scale = new Float32Array(1);
  const scaleBits = new Uint32Array(scale.buffer);
  for (let at = 0, first = 0; at < blocks.byteLength; at += Q8_0_BYTES, first += BLOCK_VALUES) {
    scaleBits[0] = f32BitsOfF16(view.getUint16(at, true));
    const d = scale[0] ?? 0;
    for (let i = 0; i < BLOCK_VALUES; i++) values[first + i] = d * view.getInt8(at + 2 + i);
  }
}

function sizeOfBlocks(count: number): number {
  if (count % BLOCK_VALUES === 0) return count / BLOCK_VALUES * Q8_0_BYTES;
  throw new ShapeError(`Cannot cut ${count} values into q8_0 blocks: give a multiple of ${BLOCK_VALUES}`);
}

/** C's roundf; `Math.round` takes halves upwards. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}
