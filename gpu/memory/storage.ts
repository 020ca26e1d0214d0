/**
 * Where a tensor's values lie.
 *
 * @module
 */

import type { EngineTensor, Storage } from "../../engine/tensor.ts";
import type { Binding } from "../dispatch/pipelines.ts";
import type { GpuBuffer } from "./buffers.ts";

/** Buffers behind tensors. Only weights have more than one: those larger than the device can bind. */
export interface GpuStorage extends Storage {
  /** Replaced where an upload must not touch what recorded commands still read. */
  parts: readonly GpuBuffer[];
  /** Rows in each part but the last. */
  readonly rowsPerPart: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
}

/** A tensor of the GPU engine. */
export type GpuTensor = EngineTensor<GpuStorage>;

/** Rows of a weight in one of its parts. */
export interface Part {
  readonly binding: Binding;
  readonly firstRow: number;
  readonly rows: number;
}

/**
 * Bytes of a tensor's values, which are in one part. Views of other shapes have rows of their own, of 4 bytes a value.
 */
export function bytesOf({ layout, size, rows, storage }: GpuTensor): number {
  return layout === "rows" ? size * 4 : rows * storage.stride;
}

/** Rows of a tensor as they lie in one of its buffers; `from` counts from the first row that was asked for. */
export interface Rows {
  readonly buffer: GpuBuffer;
  /** In bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly from: number;
  readonly count: number;
}

/** Rows of a tensor, part by part. */
export function* rangesOf(tensor: GpuTensor, firstRow: number, rows: number): Generator<Rows> {
  const { layout, width, storage: { parts, rowsPerPart, stride } } = tensor;
  const [rowBytes, perPart] = layout === "rows" ? [4 * width, Infinity] : [stride, rowsPerPart];
  for (const [i, buffer] of parts.entries()) {
    const start = i === 0 ? 0 : i * perPart;
    const [first, last] = [Math.max(firstRow, start), Math.min(firstRow + rows, start + perPart)];
    if (first >= last) continue;
    const count = last - first;
    yield { buffer, offset: (first - start) * rowBytes, bytes: count * rowBytes, from: first - firstRow, count };
  }
}

/** All of a tensor's values. */
export function whole(tensor: GpuTensor): Binding {
  const [buffer] = tensor.storage.parts;
  if (!buffer) throw new Error("Cannot bind a tensor without a buffer");
  return startOf(buffer, bytesOf(tensor));
}

/** A tensor's buffer to its end: for uniforms, which are declared with a size. */
export function roomOf(tensor: GpuTensor): Binding {
  return wholeBuffer(whole(tensor).buffer);
}

/** Rows of a tensor, which must begin at a multiple of the device's alignment. */
export function rowsOf(tensor: GpuTensor, firstRow: number, rows: number): Binding {
  const { buffer } = whole(tensor);
  const offset = firstRow * tensor.width * 4;
  return { buffer, offset, size: bindable(rows * tensor.width * 4, buffer) };
}

/** All of a buffer. */
function wholeBuffer(buffer: GpuBuffer): Binding {
  return { buffer, offset: 0, size: buffer.bytes };
}

/** The first bytes of a buffer. */
export function startOf(buffer: GpuBuffer, bytes: number): Binding {
  return { buffer, offset: 0, size: bindable(bytes, buffer) };
}

/** The parts of a weight. */
export function partsOf({ storage, rows }: GpuTensor): Part[] {
  return storage.parts.map((buffer, i) => {
    const firstRow = i * storage.rowsPerPart;
    return {
      binding: wholeBuffer(buffer),
      firstRow,
      rows: Math.min(storage.rowsPerPart, rows - firstRow),
    };
  });
}

/** Bindings hold whole vectors, at least one; buffers are made so that there is room. */
function bindable(bytes: number, buffer: GpuBuffer): number {
  return Math.min(buffer.bytes, Math.max(16, Math.ceil(bytes / 16) * 16));
}
