/**
 * Resizing as Pillow does it, and with it torchvision and Hugging Face's image processors: a filter that widens with
 * the reduction (antialiasing), applied along the rows and then along the columns.
 *
 * @module
 */

/**
 * How pixels are combined: the triangle, or the cubic of Keys with a = -1/2.
 *
 * @category Data
 */
export type Interpolation = "bilinear" | "bicubic";

/** Pixels row by row, red, green and blue of each next to each other: [height, width, 3]. */
export interface Pixels {
  /** Bytes from 0 to 255, or floats of any scale. */
  readonly data: Uint8ClampedArray | Float32Array;
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** The input samples that make one output sample. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Pillow keeps weights for bytes with 22 bits behind the point. */
const WEIGHT_ONE = 2 ** 22;

/**
 * Resizes an image. Bytes stay bytes and are equal to Pillow 13's: rounded after each of the two passes, which are in
 * the order that Pillow takes. Floats are not rounded; they agree with
 * `torch.nn.functional.interpolate(antialias=True)` to float precision.
 *
 * @param image The image.
 * @param width Pixels in a row of the result.
 * @param height Rows of the result.
 * @param interpolation The filter.
 * @returns The resized image, or the same one if its size is right.
 */
export function resizePixels(image: Pixels, width: number, height: number, interpolation: Interpolation): Pixels {
  const lostRows = image.height - height;
  const lostColumns = image.width - width;
  if (lostRows > 0 && lostRows > 2 * lostColumns) {
    return resizeWidth(resizeHeight(image, height, interpolation), width, interpolation);
  }
  return resizeHeight(resizeWidth(image, width, interpolation), height, interpolation);
}

function resizeWidth(image: Pixels, width: number, interpolation: Interpolation): Pixels {
  if (width === image.width) return image;
  const taps = tapsOf(image.width, width, interpolation, image.data instanceof Uint8ClampedArray);
  return { ...image, width, data: resampleAxis(image.data, taps, image.height, image.width, 3) };
}

function resizeHeight(image: Pixels, height: number, interpolation: Interpolation): Pixels {
  if (height === image.height) return image;
  const taps = tapsOf(image.height, height, interpolation, image.data instanceof Uint8ClampedArray);
  return { ...image, height, data: resampleAxis(image.data, taps, 1, image.height, image.width * 3) };
}

/** Resamples the middle axis of data seen as [outer, length, inner]. */
function resampleAxis(
  data: Pixels["data"],
  taps: Taps[],
  outer: number,
  length: number,
  inner: number,
): Pixels["data"] {
  const size = outer * taps.length * inner;
  const isBytes = data instanceof Uint8ClampedArray;
  const result = isBytes ? new Uint8ClampedArray(size) : new Float32Array(size);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of taps) {
      const start = (o * length + first) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += (weights[k] ?? 0) * (data[start + k * inner + i] ?? 0);
        result[at++] = isBytes ? Math.floor(sum + 0.5) : sum; // the clamped array cuts what the cubic overshoots
      }
    }
  }
  return result;
}

function tapsOf(from: number, to: number, interpolation: Interpolation, isBytes: boolean): Taps[] {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = (interpolation === "bilinear" ? 1 : 2) * widening;
  const filter = interpolation === "bilinear" ? triangle : cubic;
  return Array.from({ length: to }, (_, index) => {
    const center = (index + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), from);
    const weights = new Float64Array(end - first);
    for (let k = 0; k < weights.length; k++) weights[k] = filter((first + k - center + 0.5) / widening);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => isBytes ? fixedPoint(weight / total) : weight / total) };
  });
}

/** Rounded to Pillow's precision, halves away from zero. Sums of products with bytes are then exact. */
function fixedPoint(weight: number): number {
  return Math.sign(weight) * Math.floor(Math.abs(weight) * WEIGHT_ONE + 0.5) / WEIGHT_ONE;
}

function triangle(x: number): number {
  return Math.max(1 - Math.abs(x), 0);
}

/** R. Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  if (t < 2) return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return 0;
}
