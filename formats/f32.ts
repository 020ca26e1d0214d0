/**
 * IEEE 754 single precision.
 *
 * @module
 */

import type { Format } from "./format.ts";

/** Numbers of 32 bits. Bytes are moved, not numbers, so that a NaN keeps its payload. */
export const f32: Format<"f32"> = {
  name: "f32",
  blockSize: 1,
  blockBytes: 4,
  toFloats: (bytes, values) => new Uint8Array(values.buffer, values.byteOffset, bytes.byteLength).set(bytes),
  fromFloats: (values, bytes) => bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
};
