/**
 * The number formats of safetensors files: by their names there, which are those of `formats/` in upper case.
 *
 * A file has no dtypes for blocks: it holds those of a tensor [..., n] as U8 [..., n / values of a block, bytes of
 * one], and says in its metadata what they are.
 *
 * @module
 */

import { ShapeError, WeightsError } from "../../../errors.ts";
import type { Format } from "../../../formats/format.ts";
import { type FormatName, FORMATS, type WEIGHT_FORMATS } from "../../../formats/formats.ts";
import { decodeRows, encodeRows } from "../../../formats/rows.ts";

/**
 * A number format of a checkpoint.
 *
 * @category Weights
 */
export type SafetensorsDType = Uppercase<FormatName>;

/**
 * The formats that f32 values can be written in.
 *
 * @category Weights
 */
export type FloatFormat = Uppercase<typeof WEIGHT_FORMATS[number] | "bf16">;

const BY_DTYPE: ReadonlyMap<unknown, Format<FormatName>> = new Map(
  Object.entries(FORMATS).map(([name, format]) => [name.toUpperCase(), format]),
);

/**
 * Formats of safetensors files that are not read: complex values have no f32 that stands for them, and how 4 and 6 bits
 * are packed, and by what they are scaled, is left to whoever wrote them.
 */
const UNSUPPORTED: readonly unknown[] = ["F4", "F6_E2M3", "F6_E3M2", "C64"];

/** The names of the formats that a header may give, for messages. */
export const DTYPE_NAMES: readonly string[] = [...BY_DTYPE].filter(([, { blockSize }]) => blockSize === 1)
  .map(([dtype]) => String(dtype));

const FLOAT_FORMATS = [...BY_DTYPE.keys()].filter(isFloatFormat);

function isFloatFormat(dtype: unknown): dtype is FloatFormat {
  return BY_DTYPE.get(dtype)?.fromFloats !== undefined;
}

/** The dtype of a format that f32 values can be written in. */
export function floatDType(name: FormatName): FloatFormat | undefined {
  return FLOAT_FORMATS.find((dtype) => formatOf(dtype).name === name);
}

/** The format that a dtype names. */
export function formatOf(dtype: SafetensorsDType): Format<FormatName> {
  return BY_DTYPE.get(dtype) ?? FORMATS.f32;
}

/** The dtype that names a format. */
export function dtypeOf(name: FormatName): SafetensorsDType {
  return [...BY_DTYPE.keys()].filter(isDType).find((dtype) => formatOf(dtype).name === name) ?? "F32";
}

/** Whether values of a dtype come in blocks. */
export function isBlocked(dtype: SafetensorsDType): boolean {
  return formatOf(dtype).blockSize > 1;
}

function isDType(name: unknown): name is SafetensorsDType {
  return BY_DTYPE.has(name);
}

/** Whether a name from a header is a format that can be read. */
export function isSafetensorsDType(name: unknown): name is SafetensorsDType {
  return isDType(name) && !isBlocked(name);
}

/** Whether a name from a header is a format that the file format knows and this library does not read. */
export function isUnsupportedDType(name: unknown): boolean {
  return UNSUPPORTED.includes(name);
}

/** Bytes of one value; of blocks, their bytes by their values. */
export function bytesPerValue(dtype: SafetensorsDType): number {
  const { blockSize, blockBytes } = formatOf(dtype);
  return blockBytes / blockSize;
}

/**
 * How a tensor stands in a header.
 *
 * @throws {ShapeError} If its sizes are none, or its rows can't be cut into the blocks of its format.
 */
export function headerForm(
  dtype: SafetensorsDType,
  shape: readonly number[],
): { readonly dtype: SafetensorsDType; readonly shape: readonly number[] } {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(
      `Cannot make a tensor of shape [${shape.join(", ")}]: sizes are whole numbers >= 0; give a shape of such`,
    );
  }
  const { name, blockSize, blockBytes } = formatOf(dtype);
  if (blockSize === 1) return { dtype, shape };
  const width = shape.at(-1) ?? 1;
  if (width % blockSize !== 0) {
    throw new ShapeError(
      `Cannot cut rows of [${shape.join(", ")}] into ${name} blocks: the last dimension must be a multiple of ` +
        `${blockSize}; keep this tensor in f32 or f16`,
    );
  }
  return { dtype: "U8", shape: [...shape.slice(0, -1), width / blockSize, blockBytes] };
}

/**
 * Converts stored values to f32. F16 and BF16 keep every value, NaN payloads included, and 8-bit floats every value;
 * wider formats and integers of more than 24 bits are rounded to the nearest f32.
 *
 * @param bytes The values, little-endian, in the order of the file.
 * @param values Filled with as many values as `bytes` holds.
 */
export function toFloat32(dtype: SafetensorsDType, bytes: Uint8Array, values: Float32Array): void {
  formatOf(dtype).toFloats(bytes, values);
}

/**
 * Converts f32 values to stored bytes, rounding to nearest: ties to even, in blocks away from zero. Values that came
 * from blocks of this function give blocks of the same values again.
 *
 * @throws {ShapeError} If they are no f32 values or not whole blocks, or the format is none that these can be written
 * in.
 * @throws {WeightsError} If blocks can't hold a value: it is not finite, or too large for an f16 scale.
 */
export function fromFloat32(dtype: FloatFormat, values: Float32Array): Uint8Array<ArrayBuffer> {
  if (!(values instanceof Float32Array)) {
    throw new ShapeError("Cannot write values that are no Float32Array: f32 is what is converted; make it one");
  }
  if (!isFloatFormat(dtype)) {
    throw new ShapeError(`Cannot write f32 values as ${dtype}: expected one of ${FLOAT_FORMATS.join(", ")}`);
  }
  const format = formatOf(dtype);
  if (values.length % format.blockSize !== 0) {
    throw new ShapeError(
      `Cannot cut ${values.length} values into ${format.name} blocks: blocks are whole; give a multiple of ` +
        `${format.blockSize}`,
    );
  }
  const bytes = encodeRows(format, values.length, values);
  if (format.blockSize > 1) checkBlocks(format, values, bytes);
  return bytes;
}

/** @throws {WeightsError} If a block's values are not finite, or its scale has become infinite. */
function checkBlocks(format: Format, values: Float32Array, bytes: Uint8Array): void {
  const isFinite = Number.isFinite;
  const stored = decodeRows(format, values.length, bytes);
  const wrong = values.findIndex((value, i) => !isFinite(value) || !isFinite(stored[i]));
  if (wrong < 0) return;
  const { name, blockSize } = format;
  const first = wrong - wrong % blockSize;
  const block = values.subarray(first, first + blockSize);
  const largest = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  throw new WeightsError(
    `Cannot quantize values from ${first} on to ${name}: the largest magnitude of ${blockSize} is ${largest}, and ` +
      `all must be finite, their scale one that f16 holds; keep this tensor in f32`,
  );
}
