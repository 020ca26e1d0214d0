/**
 * Samples of a JPEG file to red, green and blue: the equations of ITU-R BT.601, in whole numbers and rounded as libjpeg
 * has them, and for four inks what Pillow makes of CMYK.
 *
 * @module
 */

/** The meaning of a file's components. */
export type ColorSpace = "gray" | "rgb" | "ycc" | "cmyk" | "ycck";

/** 16 bits behind the point. */
const fixed = (x: number): number => Math.round(x * 65536);
const HALF = 1 << 15;

const RED_FROM_CR = Int32Array.from({ length: 256 }, (_, cr) => fixed(1.402) * (cr - 128) + HALF >> 16);
const BLUE_FROM_CB = Int32Array.from({ length: 256 }, (_, cb) => fixed(1.772) * (cb - 128) + HALF >> 16);
const GREEN_FROM_CR = Int32Array.from({ length: 256 }, (_, cr) => -fixed(0.71414) * (cr - 128) + HALF);
const GREEN_FROM_CB = Int32Array.from({ length: 256 }, (_, cb) => -fixed(0.34414) * (cb - 128));

/**
 * Writes one row of an image.
 *
 * @param space The meaning of the components.
 * @param rows A row of each component.
 * @param width Pixels.
 * @param rgb Gets red, green and blue, next to each other.
 * @param at Where the row begins there.
 */
export function writeRgbRow(
  space: ColorSpace,
  rows: readonly Uint8ClampedArray[],
  width: number,
  rgb: Uint8ClampedArray,
  at: number,
): void {
  const [first, second = first, third = first, black] = rows;
  if (first === undefined || second === undefined || third === undefined) return;
  const isYcc = space === "ycc" || space === "ycck";
  for (let x = 0; x < width; x++) {
    const to = at + 3 * x;
    const [a, b, c] = [first[x] ?? 0, second[x] ?? 0, third[x] ?? 0];
    rgb[to] = isYcc ? a + (RED_FROM_CR[c] ?? 0) : a; // the array clamps
    rgb[to + 1] = isYcc ? a + ((GREEN_FROM_CB[b] ?? 0) + (GREEN_FROM_CR[c] ?? 0) >> 16) : b;
    rgb[to + 2] = isYcc ? a + (BLUE_FROM_CB[b] ?? 0) : c;
    if (black === undefined) continue;
    // Adobe's files, and hence all with four inks, hold how much of an ink is absent. YCCK holds the inks themselves,
    // as if they were red, green and blue.
    for (let channel = to; channel < to + 3; channel++) {
      const ink = space === "ycck" ? rgb[channel] ?? 0 : 255 - (rgb[channel] ?? 0);
      const light = black[x] ?? 0;
      rgb[channel] = light - timesOver255(ink, light);
    }
  }
}

/** a · b / 255, rounded. */
function timesOver255(a: number, b: number): number {
  const product = a * b + 128;
  return (product >> 8) + product >> 8;
}
