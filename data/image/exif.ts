/**
 * The orientation of photographs: cameras store the sensor's rows, and note in the EXIF data how they were held.
 *
 * @module
 */

import type { Pixels } from "./resize.ts";

/** The contents of an image file. */
export interface StoredImage {
  /** The pixels as they are stored. */
  readonly pixels: Pixels;
  /** How they are to be turned, 1 to 8. */
  readonly orientation: number;
}

const ORIENTATION_TAG = 0x0112;

/** Readers of a directory entry's value by its TIFF type: BYTE, SHORT and LONG. */
const VALUE_READERS: Readonly<Record<number, (tiff: DataView, at: number, isLittleEndian: boolean) => number>> = {
  1: (tiff, at) => tiff.getUint8(at),
  3: (tiff, at, isLittleEndian) => tiff.getUint16(at, isLittleEndian),
  4: (tiff, at, isLittleEndian) => tiff.getUint32(at, isLittleEndian),
};

/**
 * The orientation that EXIF data give (CIPA DC-008, 4.6.5). They are a TIFF file: byte order, 42, and the offset of a
 * directory with entries of 12 bytes.
 *
 * @param exif The data, with "Exif" in front of them or without.
 * @returns A number from 1 to 8; undefined where the data give none.
 */
export function exifOrientation(exif: Uint8Array): number | undefined {
  const start = String.fromCharCode(...exif.subarray(0, 6)) === "Exif\0\0" ? 6 : 0;
  if (exif.length < start + 8) return undefined;
  const tiff = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  const isLittleEndian = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, isLittleEndian);
  if (directory + 2 > tiff.byteLength) return undefined;
  const entries = tiff.getUint16(directory, isLittleEndian);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(entry, isLittleEndian) !== ORIENTATION_TAG) continue;
    const read = VALUE_READERS[tiff.getUint16(entry + 2, isLittleEndian)];
    return inRange(read?.(tiff, entry + 8, isLittleEndian));
  }
  return undefined;
}

/**
 * The orientation that an XMP packet gives. It counts where EXIF data give none.
 *
 * @param xmp The packet: XML.
 * @returns A number from 1 to 8; undefined where the packet gives none.
 */
export function xmpOrientation(xmp: Uint8Array): number | undefined {
  // A copy, because hosts decode no texts in shared memory.
  const digit = /tiff:Orientation(?:="|>)(\d)/.exec(new TextDecoder().decode(xmp.slice()))?.[1];
  return digit === undefined ? undefined : inRange(Number(digit));
}

/** Other values mean upright. */
function inRange(orientation: number | undefined): number {
  return orientation !== undefined && orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/**
 * Turns and mirrors an image as its orientation says.
 *
 * @param image The image as stored.
 * @returns The upright image.
 */
export function upright({ pixels, orientation }: StoredImage): Pixels {
  if (orientation === 1) return pixels;
  const { data, width, height } = pixels;
  const isTransposed = orientation >= 5;
  const isMirroredInX = [2, 3, 7, 8].includes(orientation);
  const isMirroredInY = [3, 4, 6, 7].includes(orientation);
  const size = isTransposed ? { width: height, height: width } : { width, height };
  const result = data.slice();
  let at = 0;
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const [column, row] = isTransposed ? [y, x] : [x, y];
      const sourceX = isMirroredInX ? width - 1 - column : column;
      const sourceY = isMirroredInY ? height - 1 - row : row;
      const source = (sourceY * width + sourceX) * 3;
      for (let c = 0; c < 3; c++) result[at++] = data[source + c] ?? 0;
    }
  }
  return { data: result, ...size };
}
