/**
 * The formats that hosts have typed arrays for, beside f32; they are only read.
 *
 * @module
 */

import { type Format, viewOf } from "./format.ts";

/** IEEE 754 double precision. */
export const f64: Format<"f64"> = format("f64", Float64Array);
/** Signed numbers of 32 bits. */
export const i32: Format<"i32"> = format("i32", Int32Array);
/** Unsigned numbers of 32 bits. */
export const u32: Format<"u32"> = format("u32", Uint32Array);
/** Signed numbers of 16 bits. */
export const i16: Format<"i16"> = format("i16", Int16Array);
/** Unsigned numbers of 16 bits. */
export const u16: Format<"u16"> = format("u16", Uint16Array);
/** Signed numbers of 8 bits. */
export const i8: Format<"i8"> = format("i8", Int8Array);
/** Unsigned numbers of 8 bits. */
export const u8: Format<"u8"> = format("u8", Uint8Array);
/** 0 or 1 in a byte. */
export const bool: Format<"bool"> = format("bool", Uint8Array);
/** Signed numbers of 64 bits. */
export const i64: Format<"i64"> = wide("i64", Int32Array);
/** Unsigned numbers of 64 bits. */
export const u64: Format<"u64"> = wide("u64", Uint32Array);

interface NumbersOf {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayLike<number>;
}

function format<Name extends string>(name: Name, type: NumbersOf): Format<Name> {
  return {
    name,
    blockSize: 1,
    blockBytes: type.BYTES_PER_ELEMENT,
    toFloats: (bytes, values) => values.set(viewOf(bytes, type)),
  };
}

/** Numbers of 64 bits, by their halves: one addition rounds each. */
function wide<Name extends string>(name: Name, highType: NumbersOf): Format<Name> {
  return {
    name,
    blockSize: 1,
    blockBytes: 8,
    toFloats(bytes, values) {
      const [low, high] = [viewOf(bytes, Uint32Array), viewOf(bytes, highType)];
      for (let i = 0; 2 * i < low.length; i++) values[i] = (high[2 * i + 1] ?? 0) * 2 ** 32 + (low[2 * i] ?? 0);
    },
  };
}
