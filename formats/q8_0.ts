/**
 * GGML's q8_0: blocks of 32 values that share an f16 scale d, which comes first, then signed bytes q; value = d · q.
 *
 * `block_q8_0` of https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h, rounded as `quantize_row_q8_0_ref` of
 * ggml-quants.c does it, to the bit.
 *
 * @module
 */

import { f16BitsOf, valueOfF16 } from "./f16.ts";
import type { Format } from "./format.ts";

const SIZE = 32;
const BYTES = 34;

/** Blocks of 32 values of 8 bits. */
export const q8_0: Format<"q8_0"> = {
  name: "q8_0",
  blockSize: SIZE,
  blockBytes: BYTES,
  toFloats(bytes, values) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0, first = 0; at < bytes.length; at += BYTES, first += SIZE) {
      const d = valueOfF16(view.getUint16(at, true));
      for (let i = 0; i < SIZE; i++) values[first + i] = d * view.getInt8(at + 2 + i);
    }
  },
  fromFloats(values, bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0, first = 0; first < values.length; at += BYTES, first += SIZE) {
      let largest = 0;
      for (let i = first; i < first + SIZE; i++) {
        const magnitude = Math.abs(values[i] ?? 0);
        if (magnitude > largest) largest = magnitude;
      }
      const d = Math.fround(largest / 127);
      view.setUint16(at, f16BitsOf(d), true);
      const inverse = d === 0 ? 0 : Math.fround(1 / d);
      for (let i = 0; i < SIZE; i++) {
        const q = Math.fround((values[first + i] ?? 0) * inverse);
        // C's roundf: halves away from zero. Without `| 0` the array converts, which takes five times as long in V8.
        bytes[at + 2 + i] = (q < 0 ? q - 0.5 : q + 0.5) | 0;
      }
    }
  },
};
