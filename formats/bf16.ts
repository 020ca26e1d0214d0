/**
 * The upper half of an f32.
 *
 * @module
 */

import { bitsOf, type Format, viewOf } from "./format.ts";

/** Numbers of 16 bits with the exponents of f32 and 8 significant bits. A NaN keeps its payload. */
export const bf16: Format<"bf16"> = {
  name: "bf16",
  blockSize: 1,
  blockBytes: 2,
  toFloats(bytes, values) {
    const halves = viewOf(bytes, Uint16Array);
    const bits = bitsOf(values);
    for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  },
  fromFloats(values, bytes) {
    const bits = bitsOf(values);
    const halves = new Uint16Array(bits.length);
    for (let i = 0; i < bits.length; i++) halves[i] = upperHalf(bits[i] ?? 0);
    bytes.set(new Uint8Array(halves.buffer));
  },
};

/** The bf16 bits nearest to an f32, ties to even. */
function upperHalf(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | ((bits & 0x7f0000) === 0 ? 0x40 : 0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
