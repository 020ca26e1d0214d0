/**
 * GGML's q8_0 and q4_0, to the bit: values in blocks of 32 that share an f16 scale d. A q8_0 block is d and 32 signed
 * bytes q, value = d · q; a q4_0 block d and 16 bytes, the low nibbles q of the first 16 values and the high ones of
 * the others, value = d · (q - 8).
 *
 * The formats: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h (`block_q8_0`, `block_q4_0`), their rounding
 * `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref` in ggml-quants.c. A safetensors file has no such dtypes: it holds the
 * blocks of a tensor [..., n] as U8 [..., n / 32, bytes of a block].
 *
 * @module
 */

import { ShapeError, WeightsError } from "../../errors.ts";
import { f16BitsOfF32, f32BitsOfF16 } from "./float16.ts";

/**
 * A format of blocks.
 *
 * @category Weights
 */
export type BlockFormat = "Q8_0" | "Q4_0";

/** Values in a block. */
export const BLOCK_VALUES = 32;

/** Bytes of a block: the scale, little-endian, then the quants. */
export const BLOCK_BYTES: { readonly [format in BlockFormat]: number } = { Q8_0: 34, Q4_0: 18 };

/** The divisor that gives a scale from the magnitude that it is made for. */
const STEPS = { Q8_0: 127, Q4_0: -8 };

/** What would round to an infinite f16. */
const F16_LIMIT = 65520;

/** Whether a name is that of a format of blocks. */
export function isBlockFormat(name: unknown): name is BlockFormat {
  return name === "Q8_0" || name === "Q4_0";
}

/**
 * The shape of a tensor's blocks.
 *
 * @param shape [..., n]
 * @returns [..., n / 32, bytes of a block]
 * @throws {ShapeError} If rows are not whole blocks.
 */
export function blocksShape(format: BlockFormat, shape: readonly number[]): number[] {
  const width = shape.at(-1) ?? 1;
  if (width % BLOCK_VALUES !== 0) {
    throw new ShapeError(
      `Cannot cut rows of [${shape.join(", ")}] into ${format.toLowerCase()} blocks: the last dimension must be a ` +
        `multiple of ${BLOCK_VALUES}: keep this tensor in f32 or f16`,
    );
  }
  return [...shape.slice(0, -1), width / BLOCK_VALUES, BLOCK_BYTES[format]];
}

/**
 * The blocks of f32 values. Values that came from blocks of this function give blocks of the same values again.
 *
 * @param values As many as a multiple of 32.
 * @throws {WeightsError} If a value is not finite, or too large for an f16 scale (8.3 million in q8_0, 524 thousand in q4_0).
 */
export function quantizeBlocks(format: BlockFormat, values: Float32Array): Uint8Array<ArrayBuffer> {
  const blocks = new Uint8Array(sizeOfBlocks(format, values.length));
  const view = new DataView(blocks.buffer);
  const scale = new Float32Array(1);
  const scaleBits = new Uint32Array(scale.buffer);
  for (let first = 0, at = 0; first < values.length; first += BLOCK_VALUES, at += BLOCK_BYTES[format]) {
    const block = values.subarray(first, first + BLOCK_VALUES);
    const largest = block.reduce((max, value) => Math.abs(value) > Math.abs(max) ? value : max, 0);
    const d = scale[0] = Math.fround((format === "Q8_0" ? Math.abs(largest) : largest) / STEPS[format]);
    if (!(Math.abs(d) < F16_LIMIT) || block.some(Number.isNaN)) {
      throw new WeightsError(
        `Cannot quantize values from ${first} on to ${format.toLowerCase()}: the largest magnitude of 32 is ` +
          `${Math.abs(largest)}, and its scale must be below ${F16_LIMIT}, all of them finite: keep this tensor in f32`,
      );
    }
    view.setUint16(at, f16BitsOfF32(scaleBits[0] ?? 0), true);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    if (format === "Q8_0") writeBytes(block, inverse, blocks.subarray(at + 2));
    else writeNibbles(block, inverse, blocks.subarray(at + 2));
  }
  return blocks;
}

/**
 * The f32 values of blocks.
 *
 * @param values Filled with 32 values for each block.
 */
export function dequantizeBlocks(format: BlockFormat, blocks: Uint8Array, values: Float32Array): void {
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const scale = new Float32Array(1);
  const scaleBits = new Uint32Array(scale.buffer);
  for (let at = 0, first = 0; at < blocks.byteLength; at += BLOCK_BYTES[format], first += BLOCK_VALUES) {
    scaleBits[0] = f32BitsOfF16(view.getUint16(at, true));
    const d = scale[0] ?? 0;
    if (format === "Q8_0") {
      for (let i = 0; i < BLOCK_VALUES; i++) values[first + i] = d * view.getInt8(at + 2 + i);
    } else {
      for (let i = 0; i < BLOCK_VALUES / 2; i++) {
        const byte = view.getUint8(at + 2 + i);
        values[first + i] = d * ((byte & 15) - 8);
        values[first + i + BLOCK_VALUES / 2] = d * ((byte >> 4) - 8);
      }
    }
  }
}

function writeBytes(block: Float32Array, inverse: number, bytes: Uint8Array): void {
  for (let i = 0; i < BLOCK_VALUES; i++) bytes[i] = roundHalfAway(Math.fround((block[i] ?? 0) * inverse));
}

function writeNibbles(block: Float32Array, inverse: number, bytes: Uint8Array): void {
  const nibble = (value: number) => Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
  const half = BLOCK_VALUES / 2;
  for (let i = 0; i < half; i++) bytes[i] = nibble(block[i] ?? 0) | nibble(block[i + half] ?? 0) << 4;
}

function sizeOfBlocks(format: BlockFormat, count: number): number {
  if (count % BLOCK_VALUES === 0) return count / BLOCK_VALUES * BLOCK_BYTES[format];
  throw new ShapeError(
    `Cannot cut ${count} values into ${format.toLowerCase()} blocks: give a multiple of ${BLOCK_VALUES}`,
  );
}

/** C's roundf; `Math.round` takes halves upwards. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}
