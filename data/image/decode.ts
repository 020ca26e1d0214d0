/**
 * PNG and JPEG files to pixels, the same on every host and within what their size allows.
 *
 * @module
 */

import { upright } from "./exif.ts";
import { ImageError } from "./image_error.ts";
import { decodeJpeg } from "./jpeg/decode.ts";
import { kindOf } from "./kinds.ts";
import { decodePng } from "./png/decode.ts";
import type { Pixels } from "./resize.ts";

/** The most pixels that a file may have for each of its bytes; blank pages in black and white come close. */
const PIXELS_PER_BYTE = 256;

/** Files of up to this many pixels are decoded however small they are. */
const ALWAYS_ALLOWED = 2 ** 24;

/** Files of more pixels are only decoded where the caller says so. */
export const MAX_PIXELS = 100_000_000;

/**
 * Decodes a PNG or JPEG file to RGB. Gray becomes three equal channels, 16 bits become the upper 8, transparency is
 * dropped, all as Pillow's `convert("RGB")` has it; a photograph is turned upright by its EXIF or XMP data.
 *
 * @param bytes The file.
 * @param maxPixels Most pixels that it may have; by default 256 for each byte, between 2^24 and 100 million.
 * @returns Its pixels, bytes from 0 to 255.
 * @throws {ImageError} If the file is neither PNG nor JPEG, is damaged, or has too many pixels.
 */
export async function decodeImage(
  bytes: Uint8Array,
  maxPixels: number = Math.min(Math.max(bytes.length * PIXELS_PER_BYTE, ALWAYS_ALLOWED), MAX_PIXELS),
): Promise<Pixels> {
  const kind = kindOf(bytes);
  if (kind !== "PNG" && kind !== "JPEG") {
    throw new ImageError(`Cannot read an image: expected a PNG or JPEG file, got ${kind ?? beginningOf(bytes)}`);
  }
  const checkSize = (width: number, height: number): void => {
    if (width === 0 || height === 0) {
      throw new ImageError(`Cannot read a ${kind} file of ${width}×${height} pixels: expected at least 1×1`);
    }
    if (width * height <= maxPixels) return;
    throw new ImageError(
      `Cannot read a ${kind} file of ${width}×${height} pixels in ${bytes.length} bytes: the limit is ${maxPixels} ` +
        `pixels; make it smaller, or raise maxPixels if you trust it`,
    );
  };
  return upright(kind === "PNG" ? await decodePng(bytes, checkSize) : decodeJpeg(bytes, checkSize));
}

function beginningOf(bytes: Uint8Array): string {
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${bytes.length} bytes` + (start === "" ? "" : ` that begin ${start}`);
}
