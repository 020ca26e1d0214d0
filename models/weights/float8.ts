/**
 * The 8-bit floats of safetensors files, all of which f32 holds exactly.
 *
 * E4M3 and E5M2 are named after the bits of exponent and mantissa behind their sign (Micikevicius et al. 2022,
 * https://arxiv.org/abs/2209.05433); those with FNUZ have no infinities and no negative zero, whose bits are their NaN.
 * E8M0 is a scale: a power of two.
 *
 * @module
 */

/**
 * An 8-bit float, by its name in a safetensors header.
 *
 * @category Weights
 */
export type Float8Format = "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ";

const VALUE_OF: Readonly<Record<Float8Format, (bits: number) => number>> = {
  F8_E4M3: (bits) => (bits & 0x7f) === 0x7f ? NaN : signed(bits, 3, 7),
  F8_E5M2: (bits) => {
    if ((bits & 0x7c) !== 0x7c) return signed(bits, 2, 15);
    return (bits & 3) !== 0 ? NaN : bits < 0x80 ? Infinity : -Infinity;
  },
  F8_E8M0: (bits) => bits === 0xff ? NaN : 2 ** (bits - 127),
  F8_E4M3FNUZ: (bits) => bits === 0x80 ? NaN : signed(bits, 3, 8),
  F8_E5M2FNUZ: (bits) => bits === 0x80 ? NaN : signed(bits, 2, 16),
};

/** The number of a sign, an exponent with a bias, and a mantissa. */
function signed(bits: number, mantissaBits: number, bias: number): number {
  const exponent = (bits & 0x7f) >> mantissaBits;
  const fraction = (bits & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return bits < 0x80 ? magnitude : -magnitude;
}

const tables = new Map<Float8Format, Float32Array>();

/** The values of all 256 bytes, made on first use. */
export function float8Table(format: Float8Format): Float32Array {
  const found = tables.get(format);
  if (found !== undefined) return found;
  const table = Float32Array.from({ length: 256 }, (_, bits) => VALUE_OF[format](bits));
  tables.set(format, table);
  return table;
}
