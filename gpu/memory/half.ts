/**
 * Numbers of 16 bits on the host.
 *
 * @module
 */

/** Rounds to the nearest f16, ties to even, and gives its bits; what is too large becomes infinity. */
export function toHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i] ?? 0);
  return halves;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to 65536 or more
  if (magnitude < 0x38800000) { // below the normal numbers: a whole number of 2⁻²⁴
    const exponent = magnitude >>> 23;
    if (exponent < 102) return sign;
    const mantissa = (magnitude & 0x7fffff) | 0x800000;
    return sign | roundedShift(mantissa, 126 - exponent);
  }
  return sign | roundedShift(magnitude - 0x38000000, 13);
}

/** value / 2^count, rounded to the nearest, ties to even. */
function roundedShift(value: number, count: number): number {
  const half = 1 << (count - 1);
  const rest = value & (2 * half - 1);
  const whole = value >>> count;
  return whole + (rest > half || (rest === half && (whole & 1) === 1) ? 1 : 0);
}

/** The numbers that f16 bits stand for. */
export function fromHalf(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = valueOf(bits[i] ?? 0);
  return values;
}

function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const [exponent, mantissa] = [(half >>> 10) & 0x1f, half & 0x3ff];
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
