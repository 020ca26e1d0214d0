/**
 * Which way up a photograph is. Cameras store the sensor's rows and note in the EXIF data how the camera was held.
 *
 * @module
 */

import type { Pixels } from "./image_resize.ts";

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const ORIENTATION_TAG = 0x0112;

/**
 * The EXIF orientation of a JPEG file (CIPA DC-008, 4.6.5).
 *
 * @param jpeg The file.
 * @returns A number from 1 to 8; 1, upright, where the file does not say.
 */
export function exifOrientation(jpeg: Uint8Array): number {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  let at = 2; // after the start-of-image marker
  while (at + 4 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const length = view.getUint16(at + 2);
    if (marker === START_OF_SCAN || length < 2) break;
    const end = Math.min(at + 2 + length, view.byteLength);
    const isExif = marker === APP1 && end - at >= 10 && view.getUint32(at + 4) === 0x45786966; // "Exif", two zeros
    if (isExif) return tiffOrientation(new DataView(jpeg.buffer, jpeg.byteOffset + at + 10, end - at - 10));
    at = end;
  }
  return 1;
}

/** EXIF data are a TIFF file: byte order, 42, and the offset of a directory with entries of 12 bytes. */
function tiffOrientation(tiff: DataView): number {
  if (tiff.byteLength < 8) return 1;
  const isLittleEndian = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, isLittleEndian);
  if (directory + 2 > tiff.byteLength) return 1;
  const entries = tiff.getUint16(directory, isLittleEndian);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > tiff.byteLength) return 1;
    if (tiff.getUint16(entry, isLittleEndian) !== ORIENTATION_TAG) continue;
    const orientation = tiff.getUint16(entry + 8, isLittleEndian);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  return 1;
}

/**
 * Turns and mirrors an image as its orientation says.
 *
 * @param image The image as stored.
 * @param orientation The EXIF orientation.
 * @returns The upright image.
 */
export function upright(image: Pixels, orientation: number): Pixels {
  if (orientation === 1) return image;
  const { data, width, height } = image;
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
