/**
 * The number formats of safetensors files, and their exact conversion to and from f32.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import { f16BitsOfF32, f32BitsOfF16 } from "./float16.ts";
import { type Float8Format, float8Table } from "./float8.ts";
import {
  BLOCK_BYTES,
  BLOCK_VALUES,
  type BlockFormat,
  blocksShape,
  dequantizeBlocks,
  isBlockFormat,
  quantizeBlocks,
} from "./ggml_blocks.ts";

/**
 * A number format, by its name in a safetensors header; Q8_0 and Q4_0 have none there, a file holds their blocks as U8 and says
 * in its metadata what they are.
 *
 * @category Weights
 */
export type SafetensorsDType =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL"
  | Float8Format
  | BlockFormat;

/**
 * The formats that f32 values can be written in.
 *
 * @category Weights
 */
export type FloatFormat = "F32" | "F16" | "BF16" | BlockFormat;

const FLOAT_FORMATS: readonly FloatFormat[] = ["F32", "F16", "BF16", "Q8_0", "Q4_0"];

const BYTES: ReadonlyMap<string, number> = new Map<SafetensorsDType, number>([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["I64", 8],
  ["I32", 4],
  ["I16", 2],
  ["I8", 1],
  ["U64", 8],
  ["U32", 4],
  ["U16", 2],
  ["U8", 1],
  ["BOOL", 1],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["F8_E8M0", 1],
  ["F8_E4M3FNUZ", 1],
  ["F8_E5M2FNUZ", 1],
]);

/**
 * Formats of safetensors files that are not read: complex values have no f32 that stands for them, and how 4 and 6 bits
 * are packed, and by what they are scaled, is left to whoever wrote them.
 */
const UNSUPPORTED: readonly unknown[] = ["F4", "F6_E2M3", "F6_E3M2", "C64"];

/** The names of the formats, for messages. */
export const DTYPE_NAMES: readonly string[] = [...BYTES.keys()];

/** Whether a name from a header is a format that can be read. */
export function isSafetensorsDType(name: unknown): name is Exclude<SafetensorsDType, BlockFormat> {
  return typeof name === "string" && BYTES.has(name);
}

/** Whether a name from a header is a format that the file format knows and this library does not read. */
export function isUnsupportedDType(name: unknown): boolean {
  return UNSUPPORTED.includes(name);
}

/** Bytes of one value; of blocks, their bytes by their values. */
export function bytesPerValue(dtype: SafetensorsDType): number {
  return isBlockFormat(dtype) ? BLOCK_BYTES[dtype] / BLOCK_VALUES : BYTES.get(dtype) ?? 0;
}

/**
 * How a tensor stands in a header.
 *
 * @throws {ShapeError} If its sizes are none, or its rows can't be cut into the blocks of its format.
 */
export function headerForm(
  dtype: SafetensorsDType,
  shape: readonly number[],
): { readonly dtype: Exclude<SafetensorsDType, BlockFormat>; readonly shape: readonly number[] } {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(`Cannot make a tensor of shape [${shape.join(", ")}]: its sizes must be whole numbers >= 0`);
  }
  return isBlockFormat(dtype) ? { dtype: "U8", shape: blocksShape(dtype, shape) } : { dtype, shape };
}

/**
 * f32 bits of all f16 values, made on first use (256 KB). A look-up converts 0.9 to 1.6 G values/s in Deno on an EPYC
 * core; the smaller split tables 0.7 to 0.8, `Float32Array.set(Float16Array)` 0.5 to 0.6, branches 0.3 to 0.5.
 */
let f16Table: Uint32Array | undefined;

function makeF16Table(): Uint32Array {
  const table = new Uint32Array(1 << 16);
  for (let half = 0; half < table.length; half++) table[half] = f32BitsOfF16(half);
  return table;
}

/** The bf16 bits nearest to an f32, ties to even. */
function bf16BitsOfF32(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | ((bits & 0x7f0000) === 0 ? 0x40 : 0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Bytes at an address that typed arrays of `size`-byte values can begin at. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

/**
 * Converts stored values to f32. F16 and BF16 keep every value, NaN payloads included, and 8-bit floats every value; wider formats and integers of
 * more than 24 bits are rounded to the nearest f32.
 *
 * @param bytes The values, little-endian, in the order of the file.
 * @param values Filled with as many values as `bytes` holds.
 */
export function toFloat32(dtype: SafetensorsDType, bytes: Uint8Array, values: Float32Array): void {
  if (isBlockFormat(dtype)) return dequantizeBlocks(dtype, bytes, values);
  const { buffer, byteOffset } = aligned(bytes, bytesPerValue(dtype));
  const count = bytes.byteLength / bytesPerValue(dtype);
  // Bits, not numbers, are moved where a NaN's payload must survive.
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  switch (dtype) {
    case "F32":
      return bits.set(new Uint32Array(buffer, byteOffset, count));
    case "F16": {
      const table = f16Table ??= makeF16Table();
      const halves = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = table[halves[i] ?? 0] ?? 0;
      return;
    }
    case "BF16": {
      const halves = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) bits[i] = (halves[i] ?? 0) << 16;
      return;
    }
    case "I64":
    case "U64": {
      const low = new Uint32Array(buffer, byteOffset, count * 2);
      const high = dtype === "I64" ? new Int32Array(buffer, byteOffset, count * 2) : low;
      for (let i = 0; i < count; i++) values[i] = (high[2 * i + 1] ?? 0) * 2 ** 32 + (low[2 * i] ?? 0);
      return;
    }
    case "F8_E4M3":
    case "F8_E5M2":
    case "F8_E8M0":
    case "F8_E4M3FNUZ":
    case "F8_E5M2FNUZ": {
      const table = float8Table(dtype);
      for (let i = 0; i < count; i++) values[i] = table[bytes[i] ?? 0] ?? 0;
      return;
    }
    case "F64":
      return values.set(new Float64Array(buffer, byteOffset, count));
    case "I32":
      return values.set(new Int32Array(buffer, byteOffset, count));
    case "U32":
      return values.set(new Uint32Array(buffer, byteOffset, count));
    case "I16":
      return values.set(new Int16Array(buffer, byteOffset, count));
    case "U16":
      return values.set(new Uint16Array(buffer, byteOffset, count));
    case "I8":
      return values.set(new Int8Array(buffer, byteOffset, count));
    case "U8":
    case "BOOL":
      return values.set(new Uint8Array(buffer, byteOffset, count));
  }
}

/**
 * Converts f32 values to stored bytes, rounding to nearest: ties to even, in blocks away from zero.
 *
 * @throws {ShapeError} If they are no f32 values, or the format is none that these can be written in.
 */
export function fromFloat32(format: FloatFormat, values: Float32Array): Uint8Array<ArrayBuffer> {
  if (!(values instanceof Float32Array)) {
    throw new ShapeError("Cannot write values that are no Float32Array: make it one");
  }
  if (!FLOAT_FORMATS.includes(format)) {
    throw new ShapeError(`Cannot write f32 values as ${format}: expected one of ${FLOAT_FORMATS.join(", ")}`);
  }
  if (isBlockFormat(format)) return quantizeBlocks(format, values);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (format === "F32") return new Uint8Array(bits.slice().buffer);
  const halves = new Uint16Array(values.length);
  const convert = format === "F16" ? f16BitsOfF32 : bf16BitsOfF32;
  for (let i = 0; i < halves.length; i++) halves[i] = convert(bits[i] ?? 0);
  return new Uint8Array(halves.buffer);
}
