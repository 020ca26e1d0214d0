import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";

// @ts-ignore: decorator
@unmanaged
export class GatherRowsArguments {
  x: Tensor;
  indices: Tensor;
  out: Tensor;
  indicesSize: i32;
  xRows: u32;
  xWidth: i32;
}

/** Copies rows by index; an index that is out of range gives zeros. */
export function gatherRows(a: GatherRowsArguments, thread: i32, threads: i32, scratch: usize): void {
  const bytes = <usize> a.xWidth << 2;
  const to = shareStart(a.indicesSize, thread + 1, threads);
  for (let i = shareStart(a.indicesSize, thread, threads); i < to; i++) {
    const row = load<u32>(a.indices + (<usize> i << 2));
    if (row < a.xRows) memory.copy(a.out + i * bytes, a.x + row * bytes, bytes);
    else memory.fill(a.out + i * bytes, 0, bytes);
  }
}
