/**
 * Rows of weights on their way in and out: they are staged row-major in wasm memory, and a kernel converts them to the weight's
 * layout and format.
 *
 * @module
 */
import type { CommandList } from "./command_list.ts";
import { PANEL } from "./constants.ts";
import type { WasmTensor } from "./encoders/encoder.ts";
import { formatId } from "./encoders/weight.ts";
import { Kernel } from "./kernel_id.ts";
import type { Memory } from "./memory.ts";

/** Values that are staged at once, if a panel has no more. */
const STAGED_VALUES = 2 ** 18;

/** Writes rows, in order with what was recorded before. */
export function writeWeightRows(
  memory: Memory,
  list: CommandList,
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
      memory.floats.set(chunk, staging.address / 4);
      list.push(Kernel.writeRows, [staging.address, storage.address, first, count, width, formatId(dtype)]);
    }
  } finally {
    memory.free(staging);
  }
}

/** Runs what was recorded and reads rows. */
export function readWeightRows(
  memory: Memory,
  list: CommandList,
  { storage, width, dtype }: WasmTensor,
  firstRow: number,
  count: number,
): Float32Array {
  const rows = new Float32Array(count * width);
  const atOnce = stagedRows(width, count);
  const staging = memory.allocate(atOnce * width * 4, "engine");
  try {
    for (let from = 0; from < count; from += atOnce) {
      const some = Math.min(atOnce, count - from);
      list.push(Kernel.readRows, [storage.address, staging.address, firstRow + from, some, width, formatId(dtype)]);
      list.flush();
      const at = staging.address / 4;
      rows.set(memory.floats.subarray(at, at + some * width), from * width);
    }
  } finally {
    memory.free(staging);
  }
  return rows;
}

/** Rows to stage at once: whole panels, about 1 MiB. */
function stagedRows(width: number, count: number): number {
  const panels = Math.max(1, Math.floor(STAGED_VALUES / Math.max(width, 1) / PANEL));
  return Math.min(panels * PANEL, count);
}
