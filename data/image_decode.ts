/**
 * PNG and JPEG files to pixels, the same on every host: decoded in JavaScript, by libraries that are loaded when the first
 * file of their kind comes.
 *
 * @module
 */

import { exifOrientation, upright } from "./exif.ts";
import type { Pixels } from "./image_resize.ts";

/** An image that can't be read: what it is, what was expected. */
export class ImageError extends Error {
  /** The name of the class. */
  override readonly name = "ImageError";
}

/** Files of more pixels are refused before memory is allocated for them. */
const MAX_MEGAPIXELS = 100;

/** Tables and coefficients of a JPEG of that size stay below this. */
const MAX_JPEG_MEGABYTES = 2048;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];

/** Bytes of a PNG file up to the end of its header. */
const PNG_HEADER_END = 33;

/**
 * Decodes a PNG or JPEG file to RGB. Grey becomes three equal channels, 16 bits become the upper 8, transparency is
 * dropped, all as Pillow's `convert("RGB")` has it; a photograph is turned upright by its EXIF data.
 *
 * @param bytes The file.
 * @returns Its pixels, bytes from 0 to 255.
 * @throws {ImageError} The file is neither PNG nor JPEG, is damaged, or has over 100 million pixels.
 */
export async function decodeImage(bytes: Uint8Array): Promise<Pixels> {
  if (startsWith(bytes, PNG_SIGNATURE)) return await decodePng(bytes);
  if (startsWith(bytes, JPEG_SIGNATURE)) return await decodeJpeg(bytes);
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new ImageError(
    `Cannot read an image: expected a PNG or JPEG file, got ${bytes.length} bytes` +
      (start === "" ? "" : ` that begin ${start}`),
  );
}

async function decodePng(bytes: Uint8Array): Promise<Pixels> {
  if (bytes.length < PNG_HEADER_END) throw new ImageError(`Cannot read a PNG file: it ends within its header`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, PNG_HEADER_END);
  const [width, height, depth, isInterlaced] = [
    header.getUint32(16),
    header.getUint32(20),
    bytes[24] ?? 0,
    bytes[28] === 1,
  ];
  checkSize("PNG", width, height);
  if (isInterlaced && depth < 8) {
    throw new ImageError(`Cannot read an interlaced PNG file with ${depth} bits a sample: save it without interlacing`);
  }

  const { decode, convertIndexedToRgb } = await import("npm:fast-png@8.0.0");
  return reportDamage("PNG", () => {
    const png = decode(bytes, { checkCrc: true });
    if (png.palette !== undefined) return toRgb(convertIndexedToRgb(png), width, height);
    if (png.data instanceof Uint16Array) return toRgb(png.data.map((sample) => sample >> 8), width, height);
    return toRgb(png.depth < 8 ? unpackGrey(png.data, png.depth, width, height) : png.data, width, height);
  });
}

async function decodeJpeg(bytes: Uint8Array): Promise<Pixels> {
  const { decode } = await import("npm:jpeg-js@0.4.4");
  const options = {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: MAX_MEGAPIXELS,
    maxMemoryUsageInMB: MAX_JPEG_MEGABYTES,
  } as const;
  const image = reportDamage("JPEG", () => {
    const { data, width, height } = decode(bytes, options);
    checkSize("JPEG", width, height);
    return toRgb(data, width, height);
  });
  return upright(image, exifOrientation(bytes));
}

/** Samples of 1, 2 or 4 bits, each row from a new byte on, to bytes from 0 to 255. */
function unpackGrey(packed: ArrayLike<number>, depth: number, width: number, height: number): Uint8Array {
  const rowBytes = Math.ceil(width * depth / 8);
  const largest = 2 ** depth - 1;
  const grey = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = packed[y * rowBytes + (x * depth >> 3)] ?? 0;
      const shift = 8 - depth - (x * depth & 7);
      grey[y * width + x] = (byte >> shift & largest) * (255 / largest);
    }
  }
  return grey;
}

/**
 * Pixels of 1 (grey), 2 (grey, alpha), 3 or 4 (alpha) channels to RGB.
 *
 * @param samples Channels next to each other, pixels row by row.
 * @param width Pixels in a row.
 * @param height Rows.
 * @returns Without the alpha channel; bytes as bytes, floats as floats.
 */
export function toRgb(samples: ArrayLike<number>, width: number, height: number): Pixels {
  const pixels = width * height;
  const channels = samples.length / pixels;
  const data = samples instanceof Float32Array ? new Float32Array(pixels * 3) : new Uint8ClampedArray(pixels * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let i = 0; i < pixels; i++) {
    data[i * 3] = samples[i * channels] ?? 0;
    data[i * 3 + 1] = samples[i * channels + green] ?? 0;
    data[i * 3 + 2] = samples[i * channels + blue] ?? 0;
  }
  return { data, width, height };
}

function checkSize(kind: string, width: number, height: number): void {
  if (width === 0 || height === 0) throw new ImageError(`Cannot read a ${kind} file of ${width}×${height} pixels`);
  if (width * height > MAX_MEGAPIXELS * 1e6) {
    throw new ImageError(
      `Cannot read a ${kind} file of ${width}×${height} pixels: the limit is ${MAX_MEGAPIXELS} million; make it smaller first`,
    );
  }
}

/** What the libraries throw at a damaged file is anything from a plain Error to a RangeError of a DataView. */
function reportDamage<T>(kind: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ImageError(`Cannot read a ${kind} file: it is damaged, or of a kind that is not supported (${reason})`, {
      cause,
    });
  }
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}
