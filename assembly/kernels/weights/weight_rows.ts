import { PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { Address, Flag } from "../common/fields";
import { floatsToHalves, halvesToFloats } from "../common/half";
import { shareStart } from "../common/split";
import { readColumn, writeColumn, writeFourColumns } from "../formats/f16";
import { isBlocked, rowBytes } from "../formats/formats";
import { panelBytes } from "./panels";
import { readBlocks, readQuantizedRow, writeBlocks, writeQuantizedRow } from "./quantized_rows";

// @ts-ignore: decorator
@unmanaged
export class WeightRowsArguments {
  weight: Address;
  /** [count, width], in f32 or as the format stores them. */
  rows: Address;
  /** The first row of the weight. */
  firstRow: i32;
  count: i32;
  /** Features of a row. */
  width: i32;
  format: FormatId;
  /** Whether rows are as the format stores them, in whole blocks. */
  isStored: Flag;
}

/** Writes rows into a weight. */
export function writeRows(a: WeightRowsArguments, thread: i32, threads: i32, scratch: usize): void {
  if (a.isStored && a.format != FormatId.f32) return writeStoredRows(a, thread, threads);
  const format = a.format, width = a.width, weight = a.weight;
  const to = shareStart(a.count, thread + 1, threads);
  let row = shareStart(a.count, thread, threads);
  while (row < to) {
    const from = a.rows + (<usize> row * width << 2);
    if (isBlocked(format)) {
      writeQuantizedRow(from, weight, a.firstRow + row, width, format, scratch);
      row += 1;
      continue;
    }
    const target = valueAddress(weight, a.firstRow + row, width, format);
    const isFour = (a.firstRow + row) % 4 == 0 && row + 4 <= to;
    if (format == FormatId.f16) {
      if (isFour) writeFourRows(from, target, width, FormatId.f16);
      else writeRow(from, target, width, FormatId.f16);
    } else {
      if (isFour) writeFourRows(from, target, width, FormatId.f32);
      else writeRow(from, target, width, FormatId.f32);
    }
    row += isFour ? 4 : 1;
  }
}

function writeStoredRows(a: WeightRowsArguments, thread: i32, threads: i32): void {
  const bytes = rowBytes(a.width, a.format);
  const to = shareStart(a.count, thread + 1, threads);
  let row = shareStart(a.count, thread, threads);
  while (row < to) {
    const from = a.rows + <usize> row * bytes;
    if (isBlocked(a.format)) {
      writeBlocks(from, a.weight, a.firstRow + row, a.width, a.format);
      row += 1;
      continue;
    }
    const target = valueAddress(a.weight, a.firstRow + row, a.width, a.format);
    const isFour = (a.firstRow + row) % 4 == 0 && row + 4 <= to;
    if (isFour) writeFourColumns(from, target, a.width);
    else writeColumn(from, target, a.width);
    row += isFour ? 4 : 1;
  }
}

/** Reads rows of a weight. */
export function readRows(a: WeightRowsArguments, thread: i32, threads: i32, scratch: usize): void {
  if (a.isStored && a.format != FormatId.f32) return readStoredRows(a, thread, threads);
  const format = a.format, width = a.width, weight = a.weight;
  const to = shareStart(a.count, thread + 1, threads);
  let row = shareStart(a.count, thread, threads);
  while (row < to) {
    const target = a.rows + (<usize> row * width << 2);
    const isFour = !isBlocked(format) && (a.firstRow + row) % 4 == 0 && row + 4 <= to;
    if (isFour) {
      const from = valueAddress(weight, a.firstRow + row, width, format);
      if (format == FormatId.f16) readFourRows(from, target, width, FormatId.f16);
      else readFourRows(from, target, width, FormatId.f32);
    } else {
      readRow(weight, a.firstRow + row, width, format, target, scratch);
    }
    row += isFour ? 4 : 1;
  }
}

function readStoredRows(a: WeightRowsArguments, thread: i32, threads: i32): void {
  const bytes = rowBytes(a.width, a.format);
  const to = shareStart(a.count, thread + 1, threads);
  for (let row = shareStart(a.count, thread, threads); row < to; row++) {
    const target = a.rows + <usize> row * bytes;
    if (isBlocked(a.format)) readBlocks(a.weight, a.firstRow + row, a.width, a.format, target);
    else readColumn(valueAddress(a.weight, a.firstRow + row, a.width, a.format), target, a.width);
  }
}

/** Copies one row of a weight as f32. */
export function readRow(weight: usize, row: i32, inSize: i32, format: i32, to: usize, scratch: usize): void {
  if (isBlocked(format)) return readQuantizedRow(weight, row, inSize, format, to, scratch);
  let from = valueAddress(weight, row, inSize, format);
  const end = to + (<usize> inSize << 2);
  if (format == FormatId.f16) {
    for (; to < end; from += panelBytes(1, FormatId.f16), to += 4) {
      store<f32>(to, f32x4.extract_lane(halvesToFloats(i32x4.splat(load<i16>(from))), 0));
    }
  } else {
    for (; to < end; from += panelBytes(1, FormatId.f32), to += 4) store<f32>(to, load<f32>(from));
  }
}

/** Address of a row's first value; the next ones follow at a distance of `panelBytes(1, format)`. */
function valueAddress(weight: usize, row: i32, inSize: i32, format: i32): usize {
  const column = <usize> (row % PANEL) << (format == FormatId.f16 ? 1 : 2);
  return weight + row / PANEL * panelBytes(inSize, format) + column;
}

/** Writes one row. Inlined, like what follows, for constant formats. */
// @ts-ignore: decorator
@inline
function writeRow(from: usize, to: usize, inSize: i32, format: i32): void {
  for (const end = from + (<usize> inSize << 2); from < end; from += 4, to += panelBytes(1, format)) {
    if (format == FormatId.f16) {
      store<u16>(to, <u16> i32x4.extract_lane(floatsToHalves(v128.load32_splat(from)), 0));
    } else {
      store<f32>(to, load<f32>(from));
    }
  }
}

/** Writes four rows to neighboring columns, four features at a time. */
// @ts-ignore: decorator
@inline
function writeFourRows(a: usize, to: usize, inSize: i32, format: i32): void {
  const stride = <usize> inSize << 2;
  const step = panelBytes(1, format);
  let b = a + stride, c = b + stride, d = c + stride;
  const end = a + stride;
  for (const vectors = a + (stride & ~15); a < vectors; a += 16, b += 16, c += 16, d += 16, to += 4 * step) {
    const va = v128.load(a), vb = v128.load(b), vc = v128.load(c), vd = v128.load(d);
    const ab = v128.shuffle<f32>(va, vb, 0, 4, 1, 5), cd = v128.shuffle<f32>(vc, vd, 0, 4, 1, 5);
    const ef = v128.shuffle<f32>(va, vb, 2, 6, 3, 7), gh = v128.shuffle<f32>(vc, vd, 2, 6, 3, 7);
    storeFour(to, v128.shuffle<i64>(ab, cd, 0, 2), format);
    storeFour(to + step, v128.shuffle<i64>(ab, cd, 1, 3), format);
    storeFour(to + 2 * step, v128.shuffle<i64>(ef, gh, 0, 2), format);
    storeFour(to + 3 * step, v128.shuffle<i64>(ef, gh, 1, 3), format);
  }
  for (; a < end; a += 4, b += 4, c += 4, d += 4, to += step) {
    storeFour(to, f32x4(load<f32>(a), load<f32>(b), load<f32>(c), load<f32>(d)), format);
  }
}

/** Reads four rows from neighboring columns, four features at a time. */
// @ts-ignore: decorator
@inline
function readFourRows(from: usize, a: usize, inSize: i32, format: i32): void {
  const stride = <usize> inSize << 2;
  const step = panelBytes(1, format);
  let b = a + stride, c = b + stride, d = c + stride;
  const end = a + stride;
  for (const vectors = a + (stride & ~15); a < vectors; a += 16, b += 16, c += 16, d += 16, from += 4 * step) {
    const k0 = loadFour(from, format), k1 = loadFour(from + step, format);
    const k2 = loadFour(from + 2 * step, format), k3 = loadFour(from + 3 * step, format);
    const ab01 = v128.shuffle<f32>(k0, k1, 0, 4, 1, 5), ab23 = v128.shuffle<f32>(k2, k3, 0, 4, 1, 5);
    const cd01 = v128.shuffle<f32>(k0, k1, 2, 6, 3, 7), cd23 = v128.shuffle<f32>(k2, k3, 2, 6, 3, 7);
    v128.store(a, v128.shuffle<i64>(ab01, ab23, 0, 2));
    v128.store(b, v128.shuffle<i64>(ab01, ab23, 1, 3));
    v128.store(c, v128.shuffle<i64>(cd01, cd23, 0, 2));
    v128.store(d, v128.shuffle<i64>(cd01, cd23, 1, 3));
  }
  for (; a < end; a += 4, b += 4, c += 4, d += 4, from += step) {
    const values = loadFour(from, format);
    store<f32>(a, f32x4.extract_lane(values, 0));
    store<f32>(b, f32x4.extract_lane(values, 1));
    store<f32>(c, f32x4.extract_lane(values, 2));
    store<f32>(d, f32x4.extract_lane(values, 3));
  }
}

// @ts-ignore: decorator
@inline
function storeFour(to: usize, values: v128, format: i32): void {
  if (format == FormatId.f16) {
    const halves = floatsToHalves(values);
    v128.store_lane<i64>(to, i16x8.narrow_i32x4_u(halves, halves), 0);
  } else {
    v128.store(to, values);
  }
}

// @ts-ignore: decorator
@inline
function loadFour(from: usize, format: i32): v128 {
  if (format == FormatId.f16) return halvesToFloats(v128.load_ext<i16>(from));
  return v128.load(from);
}
