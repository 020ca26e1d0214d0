/**
 * JPEG files to pixels (ITU-T T.81): baseline, extended and progressive ones with 8 bits a sample, with libjpeg's
 * samples to the bit. Damaged files are refused, and missing data are not invented.
 *
 * @module
 */

import { exifOrientation, type StoredImage, xmpOrientation } from "../exif.ts";
import { damaged, ImageError } from "../image_error.ts";
import type { Pixels } from "../resize.ts";
import { type ColorSpace, writeRgbRow } from "./color.ts";
import { type Component, type Frame, isFrameMarker, readFrame } from "./frame.ts";
import { BitReader, HuffmanTable } from "./huffman.ts";
import { inverseTransform } from "./idct.ts";
import { decodeScan, type Scan, type ScanComponent, ZIGZAG } from "./scan.ts";
import { STANDARD_TABLES } from "./standard_tables.ts";
import { type Plane, upsampleRow } from "./upsample.ts";

/** Encoders make about ten scans of an image. Each may cost a walk over all blocks and take a few bytes. */
const MAX_SCANS = 100;

/** The tables and headers read so far. */
interface State {
  frame: Frame | undefined;
  scans: number;
  restartInterval: number;
  readonly quantization: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  isJfif: boolean;
  /** Adobe's number for how colors are stored. */
  adobeTransform: number | undefined;
  exif: number | undefined;
  xmp: number | undefined;
}

/**
 * Decodes a JPEG file.
 *
 * @param bytes The file.
 * @param checkSize Throws if the image is too large; called before anything is allocated for it.
 * @returns The pixels as stored, and how they are to be turned.
 * @throws {ImageError} If the file is damaged, or of a kind that is not decoded.
 */
export function decodeJpeg(bytes: Uint8Array, checkSize: (width: number, height: number) => void): StoredImage {
  const state: State = {
    frame: undefined,
    scans: 0,
    restartInterval: 0,
    quantization: [],
    dc: [],
    ac: [],
    isJfif: false,
    adobeTransform: undefined,
    exif: undefined,
    xmp: undefined,
  };
  readHuffmanTables(state, new DataView(STANDARD_TABLES.buffer));
  let at = 2; // behind the start-of-image marker
  while (true) {
    at = findMarker(bytes, at);
    const marker = bytes[at + 1] ?? 0;
    at += 2;
    if (marker === 0xd9) break; // end of image
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue; // these stand alone
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = at + 2 <= bytes.length ? view.getUint16(at) : 0;
    if (length < 2 || at + length > bytes.length) throw endsEarly();
    const segment = new DataView(bytes.buffer, bytes.byteOffset + at + 2, length - 2);
    at += length;
    if (marker === 0xda) at = readScan(state, segment, bytes, at);
    else if (isFrameMarker(marker)) beginFrame(state, marker, segment, bytes.length - at, checkSize);
    else readTables(state, marker, segment);
  }
  if (state.frame === undefined) throw damaged("JPEG", "it has no frame header");
  return { pixels: pixelsOf(state, state.frame), orientation: state.exif ?? state.xmp ?? 1 };
}

/** Finds the next marker; bytes before it are no part of the image. */
function findMarker(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at + 1 < bytes.length) {
    const next = bytes[at + 1];
    if (bytes[at] === 0xff && next !== 0 && next !== 0xff) return at;
    at++;
  }
  throw endsEarly();
}

function beginFrame(
  state: State,
  marker: number,
  segment: DataView,
  bytesLeft: number,
  checkSize: (width: number, height: number) => void,
): void {
  if (state.frame !== undefined) throw damaged("JPEG", "it has two frame headers");
  const frame = readFrame(marker, segment);
  checkSize(frame.width, frame.height);
  // Each block takes a bit at least, and two in a sequential file.
  const blocks = frame.components.reduce((sum, { columns, rows }) => sum + columns * rows, 0);
  if (blocks * (frame.isProgressive ? 1 : 2) > bytesLeft * 8) {
    throw damaged("JPEG", `${bytesLeft} bytes cannot hold ${frame.width}×${frame.height} pixels`);
  }
  state.frame = frame;
}

/** Reads a segment other than a frame's or a scan's; comments and other applications' segments are passed over. */
function readTables(state: State, marker: number, segment: DataView): void {
  switch (marker) {
    case 0xc4:
      return readHuffmanTables(state, segment);
    case 0xdb:
      return readQuantizationTables(state, segment);
    case 0xdd:
      if (segment.byteLength !== 2) throw damaged("JPEG", "its restart interval has a wrong length");
      state.restartInterval = segment.getUint16(0);
      return;
    case 0xcc:
      throw new ImageError("Cannot read an arithmetic-coded JPEG file: save it as baseline or progressive");
    case 0xe0:
      if (beginsWith(segment, "JFIF\0")) state.isJfif = true;
      return;
    case 0xe1:
      if (beginsWith(segment, "Exif\0\0")) state.exif ??= exifOrientation(bytesOf(segment, 0));
      else if (beginsWith(segment, "http://ns.adobe.com/xap/1.0/\0")) {
        state.xmp ??= xmpOrientation(bytesOf(segment, 29));
      }
      return;
    case 0xee:
      if (beginsWith(segment, "Adobe") && segment.byteLength >= 12) state.adobeTransform = segment.getUint8(11);
  }
}

function readHuffmanTables(state: State, segment: DataView): void {
  for (let at = 0; at < segment.byteLength;) {
    if (at + 17 > segment.byteLength) throw damaged("JPEG", "a Huffman table ends early");
    const kind = segment.getUint8(at);
    const counts = bytesOf(segment, at + 1).subarray(0, 16);
    const total = counts.reduce((sum, count) => sum + count, 0);
    at += 17 + total;
    if (total > 256 || at > segment.byteLength || (kind & 15) > 3 || kind >> 4 > 1) {
      throw damaged("JPEG", "a Huffman table is none");
    }
    const table = new HuffmanTable(counts, bytesOf(segment, at - total).slice(0, total));
    (kind >> 4 === 0 ? state.dc : state.ac)[kind & 15] = table;
  }
}

function readQuantizationTables(state: State, segment: DataView): void {
  for (let at = 0; at < segment.byteLength;) {
    const [is16Bit, index] = [segment.getUint8(at) >> 4, segment.getUint8(at) & 15];
    const size = is16Bit === 0 ? 64 : 128;
    if (is16Bit > 1 || index > 3 || at + 1 + size > segment.byteLength) {
      throw damaged("JPEG", "a quantization table is none");
    }
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      table[ZIGZAG[k] ?? 0] = is16Bit === 0 ? segment.getUint8(at + 1 + k) : segment.getUint16(at + 1 + 2 * k);
    }
    state.quantization[index] = table;
    at += 1 + size;
  }
}

/** Reads a scan's header and its data; gives the place behind them. */
function readScan(state: State, segment: DataView, bytes: Uint8Array, at: number): number {
  const { frame } = state;
  if (frame === undefined) throw damaged("JPEG", "a scan comes before the frame header");
  if (++state.scans > MAX_SCANS) {
    throw new ImageError(`Cannot read a JPEG file of more than ${MAX_SCANS} scans: save it once more`);
  }
  const scan = scanOf(state, frame, segment);
  for (const { component } of scan.components) prepare(state, frame, component, scan);
  const reader = new BitReader(bytes, at);
  decodeScan(reader, frame, scan, state.restartInterval);
  return reader.position;
}

function scanOf(state: State, frame: Frame, segment: DataView): Scan {
  const count = segment.byteLength > 0 ? segment.getUint8(0) : 0;
  if (count < 1 || count > 4 || segment.byteLength !== 4 + 2 * count) {
    throw damaged("JPEG", "a scan's header has a wrong length");
  }
  const components = Array.from({ length: count }, (_, i): ScanComponent => {
    const [id, tables] = [segment.getUint8(1 + 2 * i), segment.getUint8(2 + 2 * i)];
    const component = frame.components.find((each) => each.id === id);
    if (component === undefined) throw damaged("JPEG", "a scan is of a component that the frame does not have");
    return { component, dc: state.dc[tables >> 4], ac: state.ac[tables & 15] };
  });
  const end = 1 + 2 * count;
  const [first, last, bits] = [segment.getUint8(end), segment.getUint8(end + 1), segment.getUint8(end + 2)];
  if (new Set(components.map(({ component }) => component)).size < count) {
    throw damaged("JPEG", "a scan has a component twice");
  }
  const blocks = components.reduce((sum, { component: c }) => sum + c.blocksAcross * c.blocksDown, 0);
  if (count > 1 && blocks > 10) throw damaged("JPEG", "a scan has more than 10 blocks a unit");
  if (!frame.isProgressive) return { components, first: 0, last: 63, high: 0, low: 0 };
  const isBand = first === 0 ? last === 0 : count === 1 && first <= last && last < 64;
  const [high, low] = [bits >> 4, bits & 15];
  if (!isBand || low > 13 || (high !== 0 && high !== low + 1)) {
    throw damaged("JPEG", "a progressive scan is of an impossible band");
  }
  return { components, first, last, high, low };
}

/**
 * Makes a component ready for a scan. Each bit of each coefficient may come once, the highest first (T.81, G.1.1.1).
 */
function prepare(state: State, frame: Frame, component: Component, { first, last, high, low }: Scan): void {
  for (let k = first; k <= last; k++) {
    const before = component.lowestBits[k] ?? -1;
    const isNext = high === 0 ? before === -1 : before === high;
    if (!isNext) throw damaged("JPEG", "its scans carry a coefficient twice, or its bits in a wrong order");
    component.lowestBits[k] = low;
  }
  if (component.quantization !== undefined) return;
  const table = state.quantization[component.tableIndex];
  if (table === undefined) throw damaged("JPEG", "a quantization table is missing");
  component.quantization = table;
  const size = component.storedColumns * component.storedRows * 64;
  if (frame.isProgressive) component.coefficients = new Int16Array(size);
  else component.samples = new Uint8ClampedArray(size);
}

function pixelsOf(state: State, frame: Frame): Pixels {
  const { width, height } = frame;
  const parts = frame.components.map((component) => {
    const plane = planeOf(component, frame);
    return { plane, row: new Uint8ClampedArray(plane.width * plane.columns) };
  });
  const rows = parts.map(({ row }) => row);
  const space = colorSpace(state, frame);
  const data = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (const { plane, row } of parts) upsampleRow(plane, y, row);
    writeRgbRow(space, rows, width, data, y * width * 3);
  }
  return { data, width, height };
}

function planeOf(component: Component, { width, height, components }: Frame): Plane {
  const columns = Math.max(...components.map(({ blocksAcross }) => blocksAcross)) / component.blocksAcross;
  const rows = Math.max(...components.map(({ blocksDown }) => blocksDown)) / component.blocksDown;
  if (component.lowestBits[0] === -1) throw damaged("JPEG", "it has no data for one of its components");
  return {
    samples: component.samples ?? transformed(component),
    stride: component.storedColumns * 8,
    width: Math.ceil(width / columns),
    height: Math.ceil(height / rows),
    columns,
    rows,
  };
}

/** The samples of a progressive file's component; its coefficients are freed. */
function transformed(component: Component): Uint8ClampedArray {
  const { coefficients = new Int16Array(0), quantization = new Uint16Array(64), storedColumns } = component;
  const samples = new Uint8ClampedArray(coefficients.length);
  for (let block = 0; block * 64 < coefficients.length; block++) {
    const [row, column] = [Math.floor(block / storedColumns), block % storedColumns];
    const at = (row * 8 * storedColumns + column) * 8;
    inverseTransform(coefficients, block * 64, quantization, samples, at, storedColumns * 8);
  }
  component.coefficients = undefined;
  return samples;
}

/** Files don't say outright what their components are; these are libjpeg's rules. */
function colorSpace({ isJfif, adobeTransform }: State, { components }: Frame): ColorSpace {
  if (components.length === 1) return "gray";
  if (components.length === 4) return adobeTransform === undefined || adobeTransform === 0 ? "cmyk" : "ycck";
  if (isJfif) return "ycc";
  if (adobeTransform !== undefined) return adobeTransform === 0 ? "rgb" : "ycc";
  return String.fromCharCode(...components.map(({ id }) => id)) === "RGB" ? "rgb" : "ycc";
}

function beginsWith(segment: DataView, text: string): boolean {
  return segment.byteLength >= text.length &&
    Array.from(text).every((character, i) => segment.getUint8(i) === character.charCodeAt(0));
}

function bytesOf(segment: DataView, from: number): Uint8Array {
  return new Uint8Array(segment.buffer, segment.byteOffset + from, segment.byteLength - from);
}

function endsEarly(): ImageError {
  return damaged("JPEG", "it ends early");
}
