/**
 * The frame header of JPEG files: size, components, and how these are divided into blocks (T.81, A.1 and B.2.2).
 *
 * @module
 */

import { damaged, ImageError } from "../image_error.ts";

/** One color of the image, and what has been decoded of it. */
export interface Component {
  readonly id: number;
  /** Blocks of it in each unit that scans of several components are made of. */
  readonly blocksAcross: number;
  readonly blocksDown: number;
  /** The number of its quantization table. */
  readonly tableIndex: number;
  /** Blocks that hold samples of the image, as scans of this component alone have them. */
  readonly columns: number;
  readonly rows: number;
  /** Blocks in a row and rows of blocks, with those that fill up units. */
  readonly storedColumns: number;
  readonly storedRows: number;
  /** The table, as it is when the component's first scan begins. */
  quantization: Uint16Array | undefined;
  /** Blocks of 64 coefficients; only progressive files need all of them at once. */
  coefficients: Int16Array | undefined;
  /** By coefficient: the lowest bit that has come, in a progressive file; -1 before the first one. */
  readonly lowestBits: Int8Array;
  /** The samples. */
  samples: Uint8ClampedArray | undefined;
  /** The last DC coefficient; the next one is stored as the difference to it. */
  prediction: number;
}

/** A frame. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly isProgressive: boolean;
  readonly components: readonly Component[];
  /** Units of scans of several components, in a row and in a column. */
  readonly unitColumns: number;
  readonly unitRows: number;
}

/** Other kinds of frames, by the second byte of their marker. They are rare. */
const OTHER_FRAMES: Readonly<Record<number, string>> = {
  0xc3: "lossless",
  0xc5: "hierarchical",
  0xc6: "hierarchical",
  0xc7: "hierarchical",
  0xc9: "arithmetic-coded",
  0xca: "arithmetic-coded",
  0xcb: "arithmetic-coded",
  0xcd: "hierarchical",
  0xce: "hierarchical",
  0xcf: "hierarchical",
};

/** Whether a marker begins a frame. */
export function isFrameMarker(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xc2 || marker in OTHER_FRAMES;
}

/**
 * Reads a frame header. Nothing is allocated for the image yet.
 *
 * @param marker The second byte of its marker.
 * @param segment The segment behind its length.
 * @returns The frame.
 * @throws {ImageError} If it is damaged, or of a kind that is not decoded.
 */
export function readFrame(marker: number, segment: DataView): Frame {
  const other = OTHER_FRAMES[marker];
  if (other !== undefined) {
    throw new ImageError(
      `Cannot read ${/^[aeiou]/.test(other) ? "an" : "a"} ${other} JPEG file: save it as baseline or progressive`,
    );
  }
  const count = segment.byteLength >= 6 ? segment.getUint8(5) : 0;
  if (segment.byteLength !== 6 + 3 * count) throw damaged("JPEG", "its frame header has a wrong length");
  const [depth, height, width] = [segment.getUint8(0), segment.getUint16(1), segment.getUint16(3)];
  if (depth !== 8) throw new ImageError(`Cannot read a JPEG file of ${depth} bits a sample: save it with 8`);
  if (width > 0 && height === 0) {
    throw new ImageError("Cannot read a JPEG file that gives its height behind the image (DNL): save it once more");
  }
  if (count !== 1 && count !== 3 && count !== 4) {
    throw new ImageError(`Cannot read a JPEG file of ${count} components: expected 1 (gray), 3 (color) or 4 (CMYK)`);
  }

  const factors = Array.from({ length: count }, (_, i) => {
    const [id, both, tableIndex] = [6, 7, 8].map((at) => segment.getUint8(at + 3 * i)) as [number, number, number];
    return { id, across: both >> 4, down: both & 15, tableIndex };
  });
  const isValid = factors.every(({ across, down, tableIndex }) =>
    across >= 1 && across <= 4 && down >= 1 && down <= 4 && tableIndex < 4
  );
  if (!isValid) throw damaged("JPEG", "its sampling factors or tables are not from 1 to 4");
  const most = { across: Math.max(...factors.map((f) => f.across)), down: Math.max(...factors.map((f) => f.down)) };
  if (factors.some(({ across, down }) => most.across % across !== 0 || most.down % down !== 0)) {
    throw new ImageError("Cannot read a JPEG file whose colors are reduced by a fraction: save it as 4:4:4 or 4:2:0");
  }
  const unitColumns = Math.ceil(width / (8 * most.across));
  const unitRows = Math.ceil(height / (8 * most.down));
  const components = factors.map(({ id, across, down, tableIndex }): Component => ({
    id,
    blocksAcross: across,
    blocksDown: down,
    tableIndex,
    columns: Math.ceil(Math.ceil(width * across / most.across) / 8),
    rows: Math.ceil(Math.ceil(height * down / most.down) / 8),
    storedColumns: unitColumns * across,
    storedRows: unitRows * down,
    quantization: undefined,
    coefficients: undefined,
    lowestBits: new Int8Array(64).fill(-1),
    samples: undefined,
    prediction: 0,
  }));
  return { width, height, isProgressive: marker === 0xc2, components, unitColumns, unitRows };
}
