/**
 * PNG files to pixels, row by row: the compressed data are read as far as the image needs them.
 *
 * @module
 */

import type { StoredImage } from "../exif.ts";
import { damaged } from "../image_error.ts";
import { type PngHeader, readChunks } from "./chunks.ts";
import { Inflater, MAX_INFLATION } from "./inflate.ts";
import { unfilter } from "./unfilter.ts";

/** The pixels of one pass: every so many columns and rows. */
interface Pass {
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly down: number;
}

const WHOLE: readonly Pass[] = [{ left: 0, top: 0, across: 1, down: 1 }];

/** Adam7 (PNG, 8.1). */
const INTERLACED: readonly Pass[] = [
  { left: 0, top: 0, across: 8, down: 8 },
  { left: 4, top: 0, across: 8, down: 8 },
  { left: 0, top: 4, across: 4, down: 8 },
  { left: 2, top: 0, across: 4, down: 4 },
  { left: 0, top: 2, across: 2, down: 4 },
  { left: 1, top: 0, across: 2, down: 2 },
  { left: 0, top: 1, across: 1, down: 2 },
];

/**
 * Decodes a PNG file; an animated one gives the image that stands for it.
 *
 * @param bytes The file.
 * @param checkSize Throws if the image is too large; called before anything is allocated for it.
 * @returns The pixels as stored, and how they are to be turned.
 * @throws {ImageError} If the file is damaged, or of a kind that is not decoded.
 */
export async function decodePng(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
): Promise<StoredImage> {
  const { header, palette, data, orientation } = await readChunks(bytes, checkSize);
  const { width, height } = header;
  const passes = (header.isInterlaced ? INTERLACED : WHOLE)
    .map((pass) => ({ ...pass, ...sizeOf(pass, header) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const rawBytes = passes.reduce((sum, { columns, rows }) => sum + rows * (1 + rowBytes(columns, header)), 0);
  const compressedBytes = data.reduce((sum, { length }) => sum + length, 0);
  if (rawBytes > compressedBytes * MAX_INFLATION) {
    throw damaged("PNG", `${compressedBytes} bytes cannot hold ${width}×${height} pixels`);
  }

  const rgb = new Uint8ClampedArray(width * height * 3);
  const inflater = new Inflater(data);
  try {
    for (const pass of passes) {
      let row = new Uint8Array(1 + rowBytes(pass.columns, header)); // the filter's number first
      let above = new Uint8Array(row.length);
      const samples = new Uint8Array(pass.columns * header.channels);
      for (let y = 0; y < pass.rows; y++) {
        for (let filled = inflater.take(row); filled < row.length; filled += inflater.take(row, filled)) {
          if (!await inflater.more()) throw damaged("PNG", "its data end within the image");
        }
        unfilter(row, above, Math.max(1, header.channels * header.depth / 8));
        unpack(row, header, samples);
        const at = (pass.top + y * pass.down) * width + pass.left;
        writeRgb(samples, header.channels, header.isIndexed ? palette : undefined, rgb, at * 3, pass.across * 3);
        [row, above] = [above, row];
      }
    }
  } finally {
    await inflater.close();
  }
  return { pixels: { data: rgb, width, height }, orientation };
}

function sizeOf({ left, top, across, down }: Pass, { width, height }: PngHeader): { columns: number; rows: number } {
  return { columns: Math.ceil((width - left) / across), rows: Math.ceil((height - top) / down) };
}

function rowBytes(columns: number, { channels, depth }: PngHeader): number {
  return Math.ceil(columns * channels * depth / 8);
}

/** A row's samples as bytes: the upper 8 of 16 bits; fewer bits as indices, or stretched so that the largest is 255. */
function unpack(row: Uint8Array, { depth, isIndexed }: PngHeader, samples: Uint8Array): void {
  if (depth === 8) return samples.set(row.subarray(1));
  if (depth === 16) {
    for (let i = 0; i < samples.length; i++) samples[i] = row[1 + 2 * i] ?? 0;
    return;
  }
  const largest = 2 ** depth - 1;
  const scale = isIndexed ? 1 : 255 / largest;
  for (let i = 0; i < samples.length; i++) {
    const bit = i * depth;
    samples[i] = ((row[1 + (bit >> 3)] ?? 0) >> 8 - depth - (bit & 7) & largest) * scale;
  }
}

/** Writes pixels of 1 (gray, or an index), 2 (gray, alpha), 3 or 4 (alpha) samples at a distance from each other. */
function writeRgb(
  samples: Uint8Array,
  channels: number,
  palette: Uint8Array | undefined,
  rgb: Uint8ClampedArray,
  at: number,
  step: number,
): void {
  const colors = palette ?? samples;
  const [green, blue] = palette === undefined && channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = at; from < samples.length; from += channels, to += step) {
    const color = palette === undefined ? from : 3 * (samples[from] ?? 0);
    if (color >= colors.length) throw damaged("PNG", `a pixel has color ${color / 3} of ${colors.length / 3}`);
    rgb[to] = colors[color] ?? 0;
    rgb[to + 1] = colors[color + green] ?? 0;
    rgb[to + 2] = colors[color + blue] ?? 0;
  }
}
