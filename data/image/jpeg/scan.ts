/**
 * Scans of JPEG files: entropy-coded data to coefficients, for sequential (T.81, F.2) and progressive ones (G.1 and
 * G.2).
 *
 * @module
 */

import { damaged, type ImageError } from "../image_error.ts";
import type { Component, Frame } from "./frame.ts";
import type { BitReader, HuffmanTable } from "./huffman.ts";
import { inverseTransform } from "./idct.ts";

/** A component as a scan has it. A table is absent where the scan needs none. */
export interface ScanComponent {
  readonly component: Component;
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
}

/** A scan: which coefficients of which components it carries, and which of their bits. */
export interface Scan {
  readonly components: readonly ScanComponent[];
  /** The first and the last coefficient, in zigzag order. */
  readonly first: number;
  readonly last: number;
  /** The lowest bit that came before; 0 where none did. */
  readonly high: number;
  /** The lowest bit that comes now. */
  readonly low: number;
}

/** The place of each coefficient of the zigzag order in a block of rows. */
export const ZIGZAG = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21],
  ...[28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61],
  ...[54, 47, 55, 62, 63],
);

/** Decodes one block, whose coefficients begin at a place. */
type BlockDecoder = (part: ScanComponent, coefficients: Int16Array, start: number) => void;

/** The end-of-band run: the number of blocks to come that get nothing from a progressive scan. */
interface EndOfBand {
  blocks: number;
}

/**
 * Decodes a scan. A sequential one leaves samples in its components, a progressive one coefficients.
 *
 * @param reader Stands at the scan's data, and behind them afterwards.
 * @param frame The frame.
 * @param scan The scan.
 * @param restartInterval Units between restart markers; 0 where there are none.
 * @throws {ImageError} If the data are damaged or end too early.
 */
export function decodeScan(reader: BitReader, frame: Frame, scan: Scan, restartInterval: number): void {
  const endOfBand: EndOfBand = { blocks: 0 };
  const decode = frame.isProgressive ? progressiveDecoder(reader, scan, endOfBand) : sequentialDecoder(reader);
  const block = new Int16Array(64);

  const visitBlock = (part: ScanComponent, row: number, column: number): void => {
    const { coefficients, samples, quantization, storedColumns } = part.component;
    if (coefficients !== undefined) return decode(part, coefficients, (row * storedColumns + column) * 64);
    if (samples === undefined || quantization === undefined) return;
    block.fill(0);
    decode(part, block, 0);
    inverseTransform(block, 0, quantization, samples, (row * 8 * storedColumns + column) * 8, storedColumns * 8);
  };

  const units = unitCount(frame, scan);
  for (let unit = 0; unit < units; unit++) {
    if (unit === 0 || (restartInterval > 0 && unit % restartInterval === 0)) {
      if (unit > 0) reader.restart((unit / restartInterval - 1) % 8);
      endOfBand.blocks = 0;
      for (const { component } of scan.components) component.prediction = 0;
    }
    visitUnit(frame, scan, unit, visitBlock);
  }
}

function unitCount(frame: Frame, { components: [first, second] }: Scan): number {
  if (first === undefined || second !== undefined) return frame.unitColumns * frame.unitRows;
  return first.component.columns * first.component.rows;
}

/** Units of one component are its blocks; units of several hold some blocks of each (T.81, A.2). */
function visitUnit(
  frame: Frame,
  { components }: Scan,
  unit: number,
  visitBlock: (part: ScanComponent, row: number, column: number) => void,
): void {
  const [first] = components;
  if (first !== undefined && components.length === 1) {
    const { columns } = first.component;
    return visitBlock(first, Math.floor(unit / columns), unit % columns);
  }
  const [unitRow, unitColumn] = [Math.floor(unit / frame.unitColumns), unit % frame.unitColumns];
  for (const part of components) {
    const { blocksAcross, blocksDown } = part.component;
    for (let i = 0; i < blocksAcross * blocksDown; i++) {
      const row = unitRow * blocksDown + Math.floor(i / blocksAcross);
      visitBlock(part, row, unitColumn * blocksAcross + i % blocksAcross);
    }
  }
}

function sequentialDecoder(reader: BitReader): BlockDecoder {
  return (part, coefficients, start) => {
    coefficients[start] = nextDc(reader, part);
    const table = required(part.ac);
    for (let k = 1; k < 64; k++) {
      const symbol = reader.symbol(table);
      const [zeros, size] = [symbol >> 4, symbol & 15];
      if (size === 0 && zeros < 15) return; // end of block
      k += zeros;
      if (k > 63) throw beyondBlock();
      if (size > 0) coefficients[start + zigzag(k)] = reader.takeSigned(size);
    }
  };
}

function progressiveDecoder(reader: BitReader, { first, last, high, low }: Scan, endOfBand: EndOfBand): BlockDecoder {
  if (first === 0 && high === 0) {
    return (part, coefficients, start) => void (coefficients[start] = nextDc(reader, part) << low);
  }
  if (first === 0) {
    return (_, coefficients, start) => {
      if (reader.take(1) === 1) coefficients[start] = (coefficients[start] ?? 0) | 1 << low;
    };
  }
  if (high === 0) {
    return (part, coefficients, start) => firstBits(reader, part, coefficients, start, { first, last, low }, endOfBand);
  }
  return (part, coefficients, start) => furtherBit(reader, part, coefficients, start, { first, last, low }, endOfBand);
}

/** The coefficients of a band, in a progressive scan that begins them (G.1.2.2). */
function firstBits(
  reader: BitReader,
  part: ScanComponent,
  coefficients: Int16Array,
  start: number,
  { first, last, low }: Pick<Scan, "first" | "last" | "low">,
  endOfBand: EndOfBand,
): void {
  if (endOfBand.blocks > 0) {
    endOfBand.blocks--;
    return;
  }
  const table = required(part.ac);
  for (let k = first; k <= last; k++) {
    const symbol = reader.symbol(table);
    const [zeros, size] = [symbol >> 4, symbol & 15];
    if (size === 0 && zeros < 15) {
      endOfBand.blocks = (1 << zeros) + reader.take(zeros) - 1;
      return;
    }
    k += zeros;
    if (k > last) throw beyondBlock();
    if (size > 0) coefficients[start + zigzag(k)] = reader.takeSigned(size) << low;
  }
}

/** One more bit of a band's coefficients (G.1.2.3): of those that are not 0 as they pass, and new ones between them. */
function furtherBit(
  reader: BitReader,
  part: ScanComponent,
  coefficients: Int16Array,
  start: number,
  { first, last, low }: Pick<Scan, "first" | "last" | "low">,
  endOfBand: EndOfBand,
): void {
  /** Refines what is not 0, up to the coefficient behind so many that are; gives the place of that one. */
  const refine = (from: number, zeros: number): number => {
    for (let k = from; k <= last; k++) {
      const at = start + zigzag(k);
      const value = coefficients[at] ?? 0;
      if (value === 0) {
        if (zeros-- === 0) return k;
      } else if (reader.take(1) === 1) {
        coefficients[at] = value > 0 ? value + (1 << low) : value - (1 << low);
      }
    }
    return last + 1;
  };

  let k = first;
  if (endOfBand.blocks === 0) {
    const table = required(part.ac);
    for (; k <= last; k++) {
      const symbol = reader.symbol(table);
      const [zeros, size] = [symbol >> 4, symbol & 15];
      if (size === 0 && zeros < 15) {
        endOfBand.blocks = (1 << zeros) + reader.take(zeros);
        break;
      }
      if (size > 1) throw beyondBlock();
      const value = size === 0 ? 0 : reader.take(1) === 1 ? 1 << low : -1 << low;
      k = refine(k, zeros);
      if (k > last && (value !== 0 || zeros < 15)) throw beyondBlock();
      if (value !== 0) coefficients[start + zigzag(k)] = value;
    }
  }
  if (endOfBand.blocks > 0) {
    refine(k, 64);
    endOfBand.blocks--;
  }
}

/** DC coefficients are stored as differences to the last one of the component. */
function nextDc(reader: BitReader, { component, dc }: ScanComponent): number {
  const size = reader.symbol(required(dc));
  if (size > 15) throw beyondBlock();
  component.prediction += reader.takeSigned(size);
  return component.prediction;
}

function required(table: HuffmanTable | undefined): HuffmanTable {
  if (table === undefined) throw damaged("JPEG", "a Huffman table is missing");
  return table;
}

function zigzag(k: number): number {
  return ZIGZAG[k] ?? 0;
}

function beyondBlock(): ImageError {
  return damaged("JPEG", "its coefficients don't fit their block");
}
