/**
 * Turns images into the tensors that vision models take.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError, ShapeError } from "../../errors.ts";
import { decodeImage, MAX_PIXELS } from "./decode.ts";
import { ImageError } from "./image_error.ts";
import { resizePixels } from "./resize.ts";
import type { Interpolation, Pixels } from "./resize.ts";

export { ImageError };
export type { Interpolation };

/**
 * Pixels in memory, row by row, channels next to each other. An `ImageData` is one.
 *
 * @category Data
 */
export interface RawImage {
  /**
   * RGB or RGBA by its length; alpha is dropped. A Uint8Array or Uint8ClampedArray of 0 to 255, or a Float32Array of 0
   * to 1; the floats of 16 bits that an `ImageData` may have are refused.
   */
  readonly data: ArrayLike<number>;
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * An `ImageBitmap`, told by its members, so that programs without a page need no types of it.
 *
 * @category Data
 */
export interface Bitmap {
  /** Pixels in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Frees it. */
  close(): void;
}

/**
 * A PNG or JPEG file, or pixels that the host or the caller has decoded.
 *
 * @category Data
 */
export type ImageSource = Uint8Array | ArrayBuffer | Blob | Bitmap | RawImage;

/**
 * A side, or both.
 *
 * @category Data
 */
export type Size = number | readonly [height: number, width: number];

/**
 * Steps of `imageTensor`, in the order in which they are done.
 *
 * @category Data
 */
export interface ImageOptions {
  /** New size: [height, width], or a number for the shorter side, the other in proportion. Default: as it is. */
  readonly resize?: Size | undefined;
  /** The filter of `resize`. Default "bilinear". */
  readonly interpolation?: Interpolation | undefined;
  /** Size of what is cut out of the middle: [height, width], or a number for a square. Default: everything. */
  readonly crop?: Size | undefined;
  /** Subtracted from red, green and blue once they lie between 0 and 1. Default 0. */
  readonly mean?: number | readonly [number, number, number] | undefined;
  /** Divides red, green and blue afterwards. Default 1. */
  readonly std?: number | readonly [number, number, number] | undefined;
  /**
   * Most pixels that a file may have and that `resize` may make: what an image costs is known before memory is taken
   * for it. Default: 256 for each byte of the file, but between 2^24 (16.8 million) and 100 million; 100 million for
   * `resize`.
   */
  readonly maxPixels?: number | undefined;
}

/**
 * An image as a model takes it; `backend.tensor(image.data, image.shape)` brings it to an engine.
 *
 * @category Data
 */
export interface ImageTensor {
  /** Red plane, green plane, blue plane, each row by row. */
  readonly data: Float32Array;
  /** One image of three channels. */
  readonly shape: readonly [batch: 1, channels: 3, height: number, width: number];
}

/**
 * Turns an image into a tensor [1, 3, h, w]: the steps and the values of torchvision's `Resize(antialias), CenterCrop,
 * ToTensor, Normalize` on an image that Pillow opened. A photograph is turned upright by its EXIF or XMP data first,
 * and color profiles are passed over, as Pillow does. (Gray PNG files of 16 bits are the exception: their upper 8
 * count, where Pillow cuts.)
 *
 * @param source PNG or JPEG bytes, a Blob of them, an ImageBitmap, an ImageData, or raw RGB or RGBA.
 * @param options Resizing, cropping, normalizing.
 * @returns The tensor, on the host.
 * @throws {ImageError} If the file is no image that can be read, or a pixel is not a finite number.
 * @throws {ShapeError} If the pixels don't fit the size, the size is 0, or the crop is larger than the image.
 * @throws {ConfigError} If an option is out of its range.
 *
 * @example Prepare a photograph for a PalmE of 256×256 pixels
 * ```ts
 * import { imageTensor } from "../../mod.ts";
 *
 * const photograph = await Deno.readFile("tests/fixtures/images/baseline_420.jpg");
 * const image = await imageTensor(photograph, { resize: 256, crop: 256, mean: 0.5, std: 0.5 });
 * console.log(image.shape); // [ 1, 3, 256, 256 ]
 * ```
 *
 * @category Data
 */
export async function imageTensor(source: ImageSource, options: ImageOptions = {}): Promise<ImageTensor> {
  const { resize, crop, interpolation = "bilinear" } = options;
  checkSizeOption("resize", resize);
  checkSizeOption("crop", crop);
  const mean = channelOption("mean", options.mean ?? 0);
  const std = channelOption("std", options.std ?? 1);
  if (std.includes(0)) {
    throw new ConfigError(`Cannot divide by std ${show(options.std)}: expected numbers other than 0`);
  }
  if (interpolation !== "bilinear" && interpolation !== "bicubic") {
    throw new ConfigError(
      `Cannot resize with interpolation "${String(interpolation)}": expected "bilinear" or "bicubic"`,
    );
  }

  const { maxPixels } = options;
  if (maxPixels !== undefined && !isSize(maxPixels)) {
    throw new ConfigError(`Cannot read images of up to ${show(maxPixels)} pixels: expected a whole number above 0`);
  }

  const pixels = await pixelsOf(source, maxPixels);
  const [height, width] = typeof resize === "number"
    ? shorterSideTo(resize, pixels)
    : resize ?? [pixels.height, pixels.width];
  if (resize !== undefined && width * height > (maxPixels ?? MAX_PIXELS)) {
    throw new ConfigError(
      `Cannot resize an image of ${pixels.height}×${pixels.width} (height×width) to ${height}×${width}: the limit is ` +
        `${maxPixels ?? MAX_PIXELS} pixels; make the result smaller, or raise maxPixels`,
    );
  }
  const resized = resizePixels(pixels, width, height, interpolation);
  return cropAndNormalize(resized, typeof crop === "number" ? [crop, crop] : crop ?? [height, width], mean, std);
}

async function pixelsOf(source: ImageSource, maxPixels: number | undefined): Promise<Pixels> {
  if (source instanceof Uint8Array) return await decodeImage(source, maxPixels);
  if (source instanceof ArrayBuffer) return await decodeImage(new Uint8Array(source), maxPixels);
  if (source instanceof Blob) return await decodeImage(new Uint8Array(await source.arrayBuffer()), maxPixels);
  if (typeof ImageBitmap === "function" && source instanceof ImageBitmap) return await bitmapPixels(source);
  if (typeof source === "object" && source !== null && "data" in source) return rawPixels(source);
  throw new ImageError(
    `Cannot read an image from ${source === null ? "null" : typeof source}: expected PNG or JPEG bytes, a Blob, an ` +
      `ImageBitmap, an ImageData or { data, width, height }`,
  );
}

function rawPixels({ data, width, height }: RawImage): Pixels {
  if (!isSize(width) || !isSize(height)) {
    throw new ShapeError(`Cannot read an image of ${width}×${height} pixels: expected whole numbers above 0`);
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Float32Array)) {
    throw new ImageError(
      "Cannot read raw pixels: expected data to be a Uint8Array, a Uint8ClampedArray or a Float32Array",
    );
  }
  const pixels = width * height;
  if (data.length !== pixels * 3 && data.length !== pixels * 4) {
    throw new ShapeError(
      `Cannot read an image of ${width}×${height} pixels from ${data.length} values: expected ${pixels * 3} (RGB) or ` +
        `${pixels * 4} (RGBA)`,
    );
  }
  const image = toRgb(data, width, height);
  const bad = image.data.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) {
    const [value, x, y] = [image.data[bad], Math.floor(bad / 3) % width, Math.floor(bad / 3 / width)];
    throw new ImageError(
      `Cannot use an image with the value ${value} at column ${x} of row ${y}: expected finite numbers, 0 to 1`,
    );
  }
  return image;
}

/** Pixels of 3 or 4 channels to RGB: bytes as bytes, floats as floats. */
function toRgb(samples: Uint8Array | Uint8ClampedArray | Float32Array, width: number, height: number): Pixels {
  const pixels = width * height;
  const channels = samples.length / pixels;
  const data = samples instanceof Float32Array ? new Float32Array(pixels * 3) : new Uint8ClampedArray(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) data[i * 3 + c] = samples[i * channels + c] ?? 0;
  }
  return { data, width, height };
}

/**
 * Hosts show a bitmap's pixels only by way of a canvas, and all that have a canvas can write it as PNG, which loses
 * nothing.
 */
async function bitmapPixels(bitmap: ImageBitmap): Promise<Pixels> {
  if (bitmap.width === 0) throw new ShapeError("Cannot read an ImageBitmap of no pixels: it was closed or transferred");
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(bitmap.width, bitmap.height) : undefined;
  const context = canvas?.getContext("bitmaprenderer");
  if (!canvas || !context) {
    throw new ImageError(
      "Cannot read an ImageBitmap: this host has no OffscreenCanvas; pass the PNG or JPEG bytes instead",
    );
  }
  context.transferFromImageBitmap(await createImageBitmap(bitmap)); // a copy, as transferring takes a bitmap from its owner
  const png = await canvas.convertToBlob({ type: "image/png" });
  return await decodeImage(new Uint8Array(await png.arrayBuffer()), bitmap.width * bitmap.height);
}

/** torchvision's rule: the longer side is rounded down. */
function shorterSideTo(size: number, { width, height }: Pixels): [height: number, width: number] {
  return width <= height ? [Math.floor(size * height / width), size] : [size, Math.floor(size * width / height)];
}

function cropAndNormalize(
  { data, width, height }: Pixels,
  [cropHeight, cropWidth]: readonly [number, number],
  mean: readonly number[],
  std: readonly number[],
): ImageTensor {
  if (cropHeight > height || cropWidth > width) {
    throw new ShapeError(
      `Cannot crop an image of ${height}×${width} (height×width) to ${cropHeight}×${cropWidth}: resize it first, to at least that`,
    );
  }
  const top = roundHalfToEven((height - cropHeight) / 2);
  const left = roundHalfToEven((width - cropWidth) / 2);
  const unit = data instanceof Float32Array ? 1 : 255;
  const result = new Float32Array(3 * cropHeight * cropWidth);
  let at = 0;
  for (let c = 0; c < 3; c++) {
    const [offset, divisor] = [mean[c] ?? 0, std[c] ?? 1];
    for (let y = top; y < top + cropHeight; y++) {
      for (let x = left; x < left + cropWidth; x++) {
        result[at++] = ((data[(y * width + x) * 3 + c] ?? 0) / unit - offset) / divisor;
      }
    }
  }
  return { data: result, shape: [1, 3, cropHeight, cropWidth] };
}

/** Python's `round`, which decides where torchvision's center crop begins. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + floor % 2 : Math.round(x);
}

function checkSizeOption(name: string, size: Size | undefined): void {
  const isValid = size === undefined ||
    (typeof size === "number" ? isSize(size) : Array.isArray(size) && size.length === 2 && size.every(isSize));
  if (!isValid) {
    throw new ConfigError(
      `Cannot ${name} to ${show(size)}: expected a whole number above 0, or [height, width] of such`,
    );
  }
}

function channelOption(name: string, value: number | readonly number[]): readonly number[] {
  const channels = typeof value === "number" ? [value, value, value] : value;
  if (!Array.isArray(channels) || channels.length !== 3 || !channels.every(Number.isFinite)) {
    throw new ConfigError(
      `Cannot normalize with ${name} ${show(value)}: expected a finite number, or three for R, G and B`,
    );
  }
  return channels;
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size > 0;
}
