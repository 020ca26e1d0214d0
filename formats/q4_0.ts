/**
 * GGML's q4_0: blocks of 32 values that share an f16 scale d, which comes first, then 16 bytes, whose low nibbles q are
 * the first 16 values and whose high ones the others; value = d · (q - 8).
 *
 * `block_q4_0` of https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h, rounded as `quantize_row_q4_0_ref` of
 * ggml-quants.c does it, to the bit.
 *
 * @module
 */

import { f16BitsOf, valueOfF16 } from "./f16.ts";
import type { Format } from "./format.ts";

const SIZE = 32;
const HALF = 16;
const BYTES = 18;

/** Blocks of 32 values of 4 bits. */
export const q4_0: Format<"q4_0"> = {
  name: "q4_0",
  blockSize: SIZE,
  blockBytes: BYTES,
  toFloats(bytes, values) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0, first = 0; at < bytes.length; at += BYTES, first += SIZE) {
      const d = valueOfF16(view.getUint16(at, true));
      for (let i = 0; i < HALF; i++) {
        const byte = view.getUint8(at + 2 + i);
        values[first + i] = d * ((byte & 15) - 8);
        values[first + i + HALF] = d * ((byte >> 4) - 8);
      }
    }
  },
  fromFloats(values, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0, first = 0; first < values.length; at += BYTES, first += SIZE) {
      let largest = 0;
      for (let i = first; i < first + SIZE; i++) {
        const value = values[i] ?? 0;
        if (Math.abs(value) > Math.abs(largest)) largest = value;
      }
      const d = Math.fround(largest / -8);
      view.setUint16(at, f16BitsOf(d), true);
      const inverse = d === 0 ? 0 : Math.fround(1 / d);
      for (let i = 0; i < HALF; i++) {
        const high = nibble(values[first + i + HALF] ?? 0, inverse);
        view.setUint8(at + 2 + i, nibble(values[first + i] ?? 0, inverse) | high << 4);
      }
    }
  },
};

/** Rounded to the nearest, halves upwards. */
function nibble(value: number, inverse: number): number {
  return Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
}
