/**
 * What a number format is: how values lie in bytes, and the way from one to the other.
 *
 * @module
 */

/** A format of stored values, in which each stands for itself or blocks of them share a scale. */
export interface Format<Name extends string = string> {
  /** Its name, in lower case. */
  readonly name: Name;
  /** Values of a block: 1 where each stands for itself. */
  readonly blockSize: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
  /**
   * Converts stored values to f32. Wider formats and integers of more than 24 bits are rounded to the nearest f32, all
   * others keep every value.
   *
   * @param bytes Whole blocks, little-endian.
   * @param values Filled with as many values as `bytes` holds.
   */
  toFloats(bytes: Uint8Array, values: Float32Array): void;
  /**
   * Converts f32 values, rounding to the nearest. Formats that are only read have no such function.
   *
   * @param values Whole blocks.
   * @param bytes Filled with them, little-endian.
   */
  readonly fromFloats?: (values: Float32Array, bytes: Uint8Array) => void;
}

/** A constructor of typed arrays. */
interface TypedArrayOf<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Bytes as values of so many bytes each; a copy where they begin at an address that such values can't begin at. */
export function viewOf<T>(bytes: Uint8Array, type: TypedArrayOf<T>): T {
  const size = type.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(buffer, byteOffset, Math.floor(bytes.byteLength / size));
}

/** Bits of f32 values. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
