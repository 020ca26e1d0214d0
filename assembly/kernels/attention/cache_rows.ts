import { BLOCK } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { finiteHalvesToFloats, floatsToHalves } from "../common/half";
import { shareStart } from "../common/split";
import { halfOf, largestMagnitude, quantizeFour } from "../weights/quantized_rows";

/*
 * Rows of key and value caches: the features of one head at one position, in f32, in f16, or in q8_0 as GGML lays it
 * out, blocks of an f16 scale and 32 bytes.
 */

/** Bytes of a block of q8_0. */
const Q8_BYTES: usize = 2 + BLOCK;

/** Bytes of one row. */
export function rowBytes(dim: i32, format: i32): usize {
  if (format == FormatId.f16) return <usize> dim << 1;
  if (format == FormatId.q8_0) return <usize> (dim / BLOCK) * Q8_BYTES;
  return <usize> dim << 2;
}

/** Writes one row of f32 into a cache. */
export function writeCacheRow(from: usize, to: usize, dim: i32, format: i32): void {
  if (format == FormatId.f16) writeHalves(from, to, dim);
  else if (format == FormatId.q8_0) writeQ8Blocks(from, to, dim);
  else memory.copy(to, from, <usize> dim << 2);
}

/** Copies one row of a cache as f32. */
export function readCacheRow(from: usize, to: usize, dim: i32, format: i32): void {
  if (format == FormatId.f16) readHalves(from, to, dim);
  else if (format == FormatId.q8_0) readQ8Blocks(from, to, dim);
  else memory.copy(to, from, <usize> dim << 2);
}

/** A row as f32: where it lies if it is, else what `room` then holds. */
export function asFloats(row: usize, room: usize, dim: i32, format: i32): usize {
  if (format == FormatId.f32) return row;
  readCacheRow(row, room, dim, format);
  return room;
}

/** Reads rows of a cache as f32. Arguments: cache, rows, first row, row count, width of a head, format. */
export function readCache(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const cache: usize = load<u32>(args);
  const rows: usize = load<u32>(args, 4);
  const firstRow = load<i32>(args, 8);
  const count = load<i32>(args, 12);
  const dim = load<i32>(args, 16);
  const format = load<i32>(args, 20);
  const bytes = rowBytes(dim, format);
  const to = shareStart(count, thread + 1, threads);
  for (let row = shareStart(count, thread, threads); row < to; row++) {
    readCacheRow(cache + <usize> (firstRow + row) * bytes, rows + (<usize> row * dim << 2), dim, format);
  }
}

function writeHalves(from: usize, to: usize, dim: i32): void {
  const end = from + (<usize> dim << 2);
  for (const vectors = from + (<usize> (dim & ~3) << 2); from < vectors; from += 16, to += 8) {
    const halves = floatsToHalves(v128.load(from));
    v128.store_lane<i64>(to, i16x8.narrow_i32x4_u(halves, halves), 0);
  }
  for (; from < end; from += 4, to += 2) store<u16>(to, halfOf(load<f32>(from)));
}

function readHalves(from: usize, to: usize, dim: i32): void {
  const end = to + (<usize> dim << 2);
  for (const vectors = to + (<usize> (dim & ~3) << 2); to < vectors; from += 8, to += 16) {
    v128.store(to, finiteHalvesToFloats(v128.load_ext<i16>(from)));
  }
  for (; to < end; from += 2, to += 4) {
    store<f32>(to, f32x4.extract_lane(finiteHalvesToFloats(i32x4.splat(load<i16>(from))), 0));
  }
}

/**
 * d = max |x| / 127, q = x / d rounded to the nearest, halves away from zero: `quantize_row_q8_0_ref` of GGML's
 * ggml-quants.c.
 */
function writeQ8Blocks(from: usize, to: usize, dim: i32): void {
  for (const last = from + (<usize> dim << 2); from < last; to += Q8_BYTES) {
    const d: f32 = largestMagnitude(from) / 127;
    store<u16>(to, halfOf(d));
    const inverse = f32x4.splat(d != 0 ? 1 / d : 0);
    let quants = to + 2;
    for (const end = from + (BLOCK << 2); from < end; from += 16, quants += 4) {
      const words = quantizeFour(v128.load(from), inverse);
      const bytes = v128.shuffle<i8>(words, words, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      store<u32>(quants, i32x4.extract_lane(bytes, 0));
    }
  }
}

function readQ8Blocks(from: usize, to: usize, dim: i32): void {
  for (const last = to + (<usize> dim << 2); to < last; from += Q8_BYTES) {
    const scale = finiteHalvesToFloats(i32x4.splat(load<i16>(from)));
    let quants = from + 2;
    for (const end = to + (BLOCK << 2); to < end; to += 32, quants += 8) {
      const words = v128.load_ext<i8>(quants);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words)), scale));
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words)), scale), 16);
    }
  }
}
