/**
 * The 8-bit floats of safetensors files, all of which f32 holds exactly.
 *
 * E4M3 and E5M2 are named after the bits of exponent and mantissa behind their sign (Micikevicius et al. 2022,
 * https://arxiv.org/abs/2209.05433); those with FNUZ have no infinities and no negative zero, whose bits are their NaN.
 * E8M0 is a scale: a power of two.
 *
 * @module
 */

import type { Format } from "./format.ts";

/** Sign, 4 bits of exponent, 3 of mantissa; no infinities. */
export const f8_e4m3: Format<"f8_e4m3"> = format(
  "f8_e4m3",
  (bits) => (bits & 0x7f) === 0x7f ? NaN : signed(bits, 3, 7),
);

/** Sign, 5 bits of exponent, 2 of mantissa. */
export const f8_e5m2: Format<"f8_e5m2"> = format("f8_e5m2", (bits) => {
  if ((bits & 0x7c) !== 0x7c) return signed(bits, 2, 15);
  return (bits & 3) !== 0 ? NaN : bits < 0x80 ? Infinity : -Infinity;
});

/** Powers of two. */
export const f8_e8m0: Format<"f8_e8m0"> = format("f8_e8m0", (bits) => bits === 0xff ? NaN : 2 ** (bits - 127));

/** `f8_e4m3` with one NaN. */
export const f8_e4m3fnuz: Format<"f8_e4m3fnuz"> = format(
  "f8_e4m3fnuz",
  (bits) => bits === 0x80 ? NaN : signed(bits, 3, 8),
);

/** `f8_e5m2` with one NaN and no infinities. */
export const f8_e5m2fnuz: Format<"f8_e5m2fnuz"> = format(
  "f8_e5m2fnuz",
  (bits) => bits === 0x80 ? NaN : signed(bits, 2, 16),
);

/** The number of a sign, an exponent with a bias, and a mantissa. */
function signed(bits: number, mantissaBits: number, bias: number): number {
  const exponent = (bits & 0x7f) >> mantissaBits;
  const fraction = (bits & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return bits < 0x80 ? magnitude : -magnitude;
}

/** A format of one byte a value, converted by a table that is made on first use. */
function format<Name extends string>(name: Name, valueOf: (bits: number) => number): Format<Name> {
  let table: Float32Array | undefined;
  return {
    name,
    blockSize: 1,
    blockBytes: 1,
    toFloats(bytes, values) {
      table ??= Float32Array.from({ length: 256 }, (_, bits) => valueOf(bits));
      for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i] ?? 0] ?? 0;
    },
  };
}
