/**
 * Formats of weights as they lie in buffers: rows one after the other, each filled up with zeros to whole quads of
 * values or, where they are quantized, to whole blocks.
 *
 * A block of 34 or 18 bytes has no place among 32-bit words, so a row keeps what its blocks begin with, their scales,
 * behind the rest of them, their quants:
 *
 *     q8_0: 8 words for each block, four signed bytes q in a word
 *     q4_0: 4 words for each block, byte i holds the nibbles q of values i (low) and i + 16 (high)
 *     then the scales of all blocks, two to a word
 *
 * So kernels read whole words, invocations side by side words side by side, and no more bytes than the blocks have. A
 * row of an odd number of blocks ends in an empty half word.
 *
 * @module
 */

import type { DType, WeightFormat } from "../../backend/memory.ts";
import { ConfigError } from "../../errors.ts";
import { FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";

/** How kernels read a format. */
interface WeightLayout {
  /** Bytes of what they read of a weight at a time: a quad of values, or a word of quants. */
  readonly elementBytes: number;
  /** Quads of values in it. */
  readonly quads: number;
  /** Bytes of a block's scales, with which it begins; of values that stand for themselves none. */
  readonly scaleBytes: number;
}

/** The formats that kernels read, each through the snippet of its name in `kernels/formats/`. */
const LAYOUTS = {
  f32: { elementBytes: 16, quads: 1, scaleBytes: 0 },
  f16: { elementBytes: 8, quads: 1, scaleBytes: 0 },
  q8_0: { elementBytes: 4, quads: 1, scaleBytes: 2 },
  q4_0: { elementBytes: 4, quads: 2, scaleBytes: 2 },
} satisfies { readonly [format in WeightFormat]?: WeightLayout };

type GpuFormat = keyof typeof LAYOUTS;

/** Their names. */
export const GPU_FORMATS: readonly GpuFormat[] = WEIGHT_FORMATS.filter((name) => name in LAYOUTS);

function nameOf(dtype: DType): GpuFormat {
  const format = GPU_FORMATS.find((name) => name === dtype);
  if (format) return format;
  throw new ConfigError(
    `Cannot keep values of format ${dtype} on webgpu: it has no kernels; use ${GPU_FORMATS.join(", ")}`,
  );
}

/**
 * How kernels read a format.
 *
 * @throws {ConfigError} For one that they can't read.
 */
export function layoutOf(dtype: DType): WeightLayout {
  return LAYOUTS[nameOf(dtype)];
}

/**
 * Bytes of one row.
 *
 * @throws {ConfigError} For a format that there is not.
 */
export function rowStride(dtype: DType, width: number): number {
  return placesOf(dtype, width).stride;
}

/** Where the parts of a row of `width` values lie, in bytes. */
interface Places {
  readonly blocks: number;
  readonly blockBytes: number;
  readonly scaleBytes: number;
  /** Where the scales begin. */
  readonly scales: number;
  /** Bytes of the row, and of the row as the format stores it. */
  readonly stride: number;
  readonly stored: number;
}

function placesOf(dtype: DType, width: number): Places {
  const name = nameOf(dtype);
  const { elementBytes, scaleBytes } = LAYOUTS[name];
  const { blockSize, blockBytes } = FORMATS[name];
  const blocks = Math.ceil(width / blockSize);
  const wholes = (bytes: number) => Math.ceil(bytes / elementBytes) * elementBytes;
  const scales = wholes(blocks * (blockBytes - scaleBytes));
  return {
    blocks,
    blockBytes,
    scaleBytes,
    scales,
    stride: scales + wholes(blocks * scaleBytes),
    stored: blocks * blockBytes,
  };
}

/** Stored rows as they lie in buffers; the same bytes where that is no difference. */
export function packRows(dtype: DType, width: number, stored: Uint8Array): Uint8Array {
  const places = placesOf(dtype, width);
  if (places.scaleBytes === 0 && places.stride === places.stored) return stored;
  const count = stored.byteLength / places.stored;
  const rows = new Uint8Array(count * places.stride);
  for (let row = 0; row < count; row++) moveRow(places, stored, row * places.stored, rows, row * places.stride, false);
  return rows;
}

/** Rows from buffers as the format stores them. */
export function unpackRows(dtype: DType, width: number, rows: Uint8Array): Uint8Array {
  const places = placesOf(dtype, width);
  if (places.scaleBytes === 0 && places.stride === places.stored) return rows;
  const count = rows.byteLength / places.stride;
  const stored = new Uint8Array(count * places.stored);
  for (let row = 0; row < count; row++) moveRow(places, stored, row * places.stored, rows, row * places.stride, true);
  return stored;
}

/** Moves a row's blocks between their stored form and that of buffers. */
function moveRow(
  { blocks, blockBytes, scaleBytes, scales, stored: length }: Places,
  stored: Uint8Array,
  from: number,
  rows: Uint8Array,
  to: number,
  isBack: boolean,
): void {
  if (scaleBytes === 0) {
    if (isBack) stored.set(rows.subarray(to, to + length), from);
    else rows.set(stored.subarray(from, from + length), to);
    return;
  }
  // Byte by byte: `subarray` and `set` take longer for so few.
  for (let block = 0, scale = to + scales, quant = to; block < blocks; block++) {
    for (let i = 0; i < blockBytes; i++, from++) {
      const place = i < scaleBytes ? scale++ : quant++;
      if (isBack) stored[from] = rows[place] ?? 0;
      else rows[place] = stored[from] ?? 0;
    }
  }
}
