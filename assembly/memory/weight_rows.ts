/**
 * Rows of weights on their way in and out, and of caches on their way out: they are staged row-major in wasm memory,
 * and a kernel converts them to the tensor's layout and format, or back.
 *
 * @module
 */

import { Kernel } from "../generated/kernel.ts";
import { PANEL } from "../records/constants.ts";
import type { WasmTensor } from "../records/encoders/encoder.ts";
import { formatId } from "../records/encoders/weight.ts";
import type { MemorySpace } from "./memory_space.ts";

/** Values that are staged at once, if a panel has no more. */
const STAGED_VALUES = 2 ** 18;

/** Writes rows, in order with what was recorded before. */
export function writeWeightRows(
  { machine, memory, list }: MemorySpace,
  { storage, width, dtype }: WasmTensor,
  firstRow: number,
  rows: Float32Array,
): void {
  const atOnce = stagedRows(width, rows.length / width);
  const staging = memory.allocate(atOnce * width * 4, "engine");
  try {
    for (let from = 0; from * width < rows.length; from += atOnce) {
      const chunk = rows.subarray(from * width, (from + atOnce) * width);
      const [first, count] = [firstRow + from, chunk.length / width];
      // The staging area may still be read by what was recorded before.
      list.flush();
      machine.write(staging.address, chunk);
      list.push(
        Kernel.writeRows,
        [staging.address, storage.address, first, count, width, formatId(dtype)],
        chunk.length,
      );
    }
  } finally {
    memory.free(staging);
  }
}

/** Runs what was recorded and reads rows of a weight or a cache as they are then. */
export async function readConvertedRows(
  { machine, memory, list }: MemorySpace,
  { storage, width, dtype, layout }: WasmTensor,
  firstRow: number,
  count: number,
): Promise<Float32Array> {
  const kernel = layout === "cache" ? Kernel.readCache : Kernel.readRows;
  const atOnce = stagedRows(width, count);
  const staging = memory.allocate(atOnce * width * 4, "engine");
  const chunks: Promise<ArrayBuffer>[] = [];
  try {
    for (let from = 0; from < count; from += atOnce) {
      const some = Math.min(atOnce, count - from);
      const args = [storage.address, staging.address, firstRow + from, some, width, formatId(dtype)];
      list.push(kernel, args, some * width);
      list.flush();
      chunks.push(machine.read(staging.address, some * width * 4));
    }
  } finally {
    // Whatever gets this memory next writes to it after the reads.
    memory.free(staging);
  }
  const rows = new Float32Array(count * width);
  for (const [i, bytes] of (await Promise.all(chunks)).entries()) rows.set(new Float32Array(bytes), i * atOnce * width);
  return rows;
}

/** Rows to stage at once: whole panels, about 1 MiB. */
function stagedRows(width: number, count: number): number {
  const panels = Math.max(1, Math.floor(STAGED_VALUES / Math.max(width, 1) / PANEL));
  return Math.min(panels * PANEL, count);
}
