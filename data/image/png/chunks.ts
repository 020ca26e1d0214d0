/**
 * The chunks of a PNG file (W3C Portable Network Graphics, third edition): those that make the image, and those that
 * say how it is to be turned.
 *
 * @module
 */

import { crc32 } from "../../../common/crc32.ts";
import { damaged, ImageError } from "../image_error.ts";
import { orientationOfChunk } from "./orientation.ts";

/** How samples are stored. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** Samples a pixel. */
  readonly channels: number;
  readonly isIndexed: boolean;
  readonly isInterlaced: boolean;
}

/** The parts of a file that its image needs. */
export interface PngChunks {
  readonly header: PngHeader;
  /** Red, green and blue of each entry; of no entry where there is no palette. */
  readonly palette: Uint8Array;
  /** The zlib stream of the image, in parts. */
  readonly data: readonly Uint8Array[];
  /** The EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

/** By color type: samples a pixel, and the bits a sample may have. */
const COLOR_TYPES: Readonly<Record<number, { readonly channels: number; readonly depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

const INDEXED = 3;
const SIGNATURE_BYTES = 8;
/** Length, type and checksum around a chunk's data. */
const CHUNK_BYTES = 12;
const HEADER_BYTES = 13;
/** The header's type. */
const IHDR = 0x49484452;

/**
 * Reads a file's chunks. Their data stay where they are.
 *
 * @param bytes The file.
 * @param checkSize Throws if the image is too large.
 * @returns The parts that the image needs.
 * @throws {ImageError} If the file is damaged, or of a kind that is not decoded.
 */
export async function readChunks(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
): Promise<PngChunks> {
  const header = readHeader(bytes);
  checkSize(header.width, header.height);
  let palette: Uint8Array = new Uint8Array(0);
  const data: Uint8Array[] = [];
  let exif: number | undefined;
  let xmp: number | undefined;
  for (const { type, content } of chunksOf(bytes)) {
    if (type === "PLTE") {
      if (content.length % 3 !== 0 || content.length > 768) throw damaged("PNG", "its palette has a wrong length");
      palette = content;
    } else if (type === "IDAT") {
      data.push(content);
    } else if (isCritical(type) && type !== "IHDR" && type !== "IEND") {
      throw new ImageError(
        `Cannot read a PNG file with a chunk "${type}": it is none of the standard's; save it once more as PNG`,
      );
    } else {
      const found = await orientationOfChunk(type, content);
      exif ??= found.exif;
      xmp ??= found.xmp;
    }
  }
  if (header.isIndexed && palette.length === 0) throw damaged("PNG", "its palette is missing");
  return { header, palette, data, orientation: exif ?? xmp ?? 1 };
}

function* chunksOf(bytes: Uint8Array): Generator<{ readonly type: string; readonly content: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= bytes.length;) {
    const length = view.getUint32(at);
    const end = at + CHUNK_BYTES + length;
    if (end > bytes.length) break;
    const typed = bytes.subarray(at + 4, end - 4);
    const type = String.fromCharCode(...typed.subarray(0, 4));
    if (!/^[A-Za-z]{4}$/.test(type)) throw damaged("PNG", "a chunk has no type");
    if (crc32(typed) !== view.getUint32(end - 4)) throw damaged("PNG", `the checksum of its chunk "${type}" is wrong`);
    yield { type, content: typed.subarray(4) };
    if (type === "IEND") return;
    at = end;
  }
  throw damaged("PNG", "it ends early");
}

/** Reads the header, with which every file begins. */
function readHeader(bytes: Uint8Array): PngHeader {
  if (bytes.length < SIGNATURE_BYTES + CHUNK_BYTES + HEADER_BYTES) throw damaged("PNG", "it ends early");
  const view = new DataView(bytes.buffer, bytes.byteOffset + SIGNATURE_BYTES, CHUNK_BYTES + HEADER_BYTES);
  if (view.getUint32(0) !== HEADER_BYTES || view.getUint32(4) !== IHDR) {
    throw damaged("PNG", "it begins with no header");
  }
  const [depth, type, compression, filter, interlace] = [16, 17, 18, 19, 20].map((at) => view.getUint8(at));
  const color = COLOR_TYPES[type ?? -1];
  if (color === undefined || depth === undefined || !color.depths.includes(depth)) {
    throw damaged("PNG", `color type ${type} with ${depth} bits a sample is none of the standard's`);
  }
  if (compression !== 0 || filter !== 0 || interlace === undefined || interlace > 1) {
    throw damaged("PNG", "its compression, filter or interlacing is none of the standard's");
  }
  return {
    width: view.getUint32(8),
    height: view.getUint32(12),
    depth,
    channels: color.channels,
    isIndexed: type === INDEXED,
    isInterlaced: interlace === 1,
  };
}

/** Chunks with a capital first letter may not be passed over. */
function isCritical(type: string): boolean {
  return /^[A-Z]/.test(type);
}
