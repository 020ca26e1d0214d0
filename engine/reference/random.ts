/**
 * The random numbers of sampling. This is their definition: every engine draws the same ones, by the same f32
 * operations in the same order, each rounded (`round`) before the next.
 *
 * A draw is an exponential race: token t with probability pₜ arrives at time Eₜ / pₜ for exponential Eₜ, and the first
 * wins, which is token t with probability pₜ; max(log pₜ - log Eₜ) is the same race by the Gumbel-max trick.
 *
 * @module
 */
const round = Math.fround;

/**
 * `acceptDraft` draws with seeds of its own, exclusive-ored with these: its numbers must be independent of those that
 * made the draft. (Other rows would not do: pcg4d hardly spreads a difference in the highest bits.)
 */
export const RESIDUAL_SEED = 0x9e37_79b9;
/** See `RESIDUAL_SEED`. */
export const ACCEPT_SEED = 0x85eb_ca6b;

/**
 * The hash pcg4d of four unsigned 32-bit integers (Jarzynski and Olano 2020): a random number generator without state.
 */
export function pcg4d(seed: number, counter: number, row: number, token: number): [number, number, number, number] {
  const step = (value: number) => (Math.imul(value, 1664525) + 1013904223) | 0;
  let [x, y, z, w] = [step(seed), step(counter), step(row), step(token)];
  const mix = () => {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
  };
  mix();
  [x, y, z, w] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16), w ^ (w >>> 16)];
  mix();
  return [x >>> 0, y >>> 0, z >>> 0, w >>> 0];
}

/** A number from 0 to 1 - 2⁻²⁴. */
export function uniform(seed: number, counter: number, row: number, token: number): number {
  return (pcg4d(seed, counter, row, token)[0] >>> 8) * 2 ** -24;
}

/**
 * An exponential number, -log(1 - v). The uniform v takes 24 bits of the first word and 23 of the second, so that small
 * times, which win races, are as finely spaced as floats are.
 */
export function exponential(seed: number, counter: number, row: number, token: number): number {
  const [x, y] = pcg4d(seed, counter, row, token);
  const high = (x >>> 8) * 2 ** -24; // exact, as is `low`
  const low = ((y >>> 9) + 0.5) * 2 ** -47;
  const v = Math.min(round(high + low), 1 - 2 ** -24);
  return v <= round(1 - Math.SQRT1_2) ? -log1p(-v, 0) : -log(round(1 - v));
}

/** log x in f32 for normal x > 0: x = m·2ᵉ with m from √½ to √2, then log(1 + (m - 1)) + e·log 2. */
export function log(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0;
  let exponent = (bits >>> 23) - 126;
  let mantissa = new Float32Array(Uint32Array.of((bits & 0x007f_ffff) | 0x3f00_0000).buffer)[0] ?? 0; // ½ ≤ m < 1
  if (mantissa < round(Math.SQRT1_2)) {
    mantissa = round(mantissa + mantissa);
    exponent -= 1;
  }
  return log1p(round(mantissa - 1), exponent);
}

/** log(1 + f) + e·log 2 for f from √½ - 1 to √2 - 1, by the polynomial of Cephes' logf (S. Moshier). */
function log1p(f: number, e: number): number {
  const coefficients = [
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
  ];
  const square = round(f * f);
  let y = 0;
  for (const coefficient of coefficients) y = round(round(y * f) + round(coefficient));
  y = round(round(y * f) * square);
  y = round(y + round(e * round(-2.12194440e-4)));
  y = round(y - round(0.5 * square));
  return round(round(f + y) + round(e * 0.693359375));
}
