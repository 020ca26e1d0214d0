/**
 * Rows of weights on their way in and out, and of caches on their way out: they are staged row-major in wasm memory, as
 * f32 or as their format stores them, and a kernel converts them to the tensor's layout and format, or back.
 *
 * @module
 */

import { FORMATS } from "../../formats/formats.ts";
import { rowBytes } from "../../formats/rows.ts";
import * as record from "../generated/records.ts";
import { PANEL } from "../records/constants.ts";
import type { WasmTensor } from "../records/encoders/encoder.ts";
import { formatId } from "../records/encoders/weight.ts";
import type { MemorySpace } from "./memory_space.ts";

/** Values that are staged at once, if a panel has no more. */
const STAGED_VALUES = 2 ** 18;

/** Writes rows of f32, in order with what was recorded before. */
export function writeWeightRows(space: MemorySpace, weight: WasmTensor, firstRow: number, rows: Float32Array): void {
  write(space, weight, firstRow, rows, weight.width, false);
}

/** Writes rows as the weight's format stores them, in order with what was recorded before. */
export function writeStoredRows(space: MemorySpace, weight: WasmTensor, firstRow: number, rows: Uint8Array): void {
  write(space, weight, firstRow, rows, rowBytes(FORMATS[weight.dtype], weight.width), true);
}

/** @param stride Elements of `rows` from one row to the next. */
function write(
  space: MemorySpace,
  weight: WasmTensor,
  firstRow: number,
  rows: Float32Array | Uint8Array,
  stride: number,
  isStored: boolean,
): void {
  const { machine, memory, list } = space;
  const { width } = weight;
  const atOnce = stagedRows(width, rows.length / stride);
  const staging = memory.allocate(atOnce * stride * rows.BYTES_PER_ELEMENT, "engine");
  try {
    for (let from = 0; from * stride < rows.length; from += atOnce) {
      const chunk = rows.subarray(from * stride, (from + atOnce) * stride);
      const count = chunk.length / stride;
      // The staging area may still be read by what was recorded before.
      list.flush();
      machine.write(staging.address, chunk);
      const rowsOf = { ...fieldsOf(weight, staging.address, firstRow + from, count), isStored };
      record.writeRows(space, { weight: weight.storage.address, ...rowsOf }, count * width);
    }
  } finally {
    memory.free(staging);
  }
}

/** Runs what was recorded and reads rows of a weight or a cache in f32, as they are then. */
export async function readConvertedRows(
  space: MemorySpace,
  tensor: WasmTensor,
  firstRow: number,
  count: number,
): Promise<Float32Array> {
  return new Float32Array(await read(space, tensor, firstRow, count, tensor.width * 4, false));
}

/** Runs what was recorded and reads rows of a weight as its format stores them, as they are then. */
export async function readStoredRows(
  space: MemorySpace,
  weight: WasmTensor,
  firstRow: number,
  count: number,
): Promise<Uint8Array> {
  const stride = rowBytes(FORMATS[weight.dtype], weight.width);
  return new Uint8Array(await read(space, weight, firstRow, count, stride, true));
}

/** @param stride Bytes of a row as it is read. */
async function read(
  space: MemorySpace,
  tensor: WasmTensor,
  firstRow: number,
  count: number,
  stride: number,
  isStored: boolean,
): Promise<ArrayBuffer> {
  const { machine, memory, list } = space;
  const { storage: { address }, width } = tensor;
  const isCache = tensor.layout === "cache";
  const atOnce = stagedRows(width, count);
  const staging = memory.allocate(atOnce * stride, "engine");
  const chunks: Promise<ArrayBuffer>[] = [];
  try {
    for (let from = 0; from < count; from += atOnce) {
      const some = Math.min(atOnce, count - from);
      const fields = fieldsOf(tensor, staging.address, firstRow + from, some);
      if (isCache) record.readCache(space, { cache: address, ...fields }, some * width);
      else record.readRows(space, { weight: address, ...fields, isStored }, some * width);
      list.flush();
      chunks.push(machine.read(staging.address, some * stride));
    }
  } finally {
    // Whatever gets this memory next writes to it after the reads.
    memory.free(staging);
  }
  const rows = new Uint8Array(count * stride);
  for (const [i, bytes] of (await Promise.all(chunks)).entries()) rows.set(new Uint8Array(bytes), i * atOnce * stride);
  return rows.buffer;
}

/** What the kernels' arguments have in common. */
function fieldsOf({ width, dtype }: WasmTensor, rows: number, firstRow: number, count: number) {
  return { rows, firstRow, count, width, format: formatId(dtype) };
}

/** Rows to stage at once: whole panels, about 1 MiB. */
function stagedRows(width: number, count: number): number {
  const panels = Math.max(1, Math.floor(STAGED_VALUES / Math.max(width, 1) / PANEL));
  return Math.min(panels * PANEL, count);
}
