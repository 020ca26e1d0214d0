/**
 * Runs a command list. The list lies in wasm memory as records of 32-bit words:
 *
 *     [kernel id, words in the whole record, arguments...]
 *
 * Addresses are u32, sizes i32, floats by their bits; 0 is the address of what is absent. Every thread walks the whole list and
 * does its share of each record, `thread` of `threads`; between two records they wait for each other.
 *
 * How to add a kernel:
 *  1. a name in `../kernel_id.ts`;
 *  2. a file here, named as the operation, exporting
 *     `function layerNorm(args: usize, thread: i32, threads: i32, scratch: usize): void`, which reads its arguments by
 *     `load<...>(args, offset)` and does its share: `shareStart(pieces, thread, threads)` splits rows, heads or panels, never the
 *     terms of a sum, so that results don't depend on the number of threads;
 *  3. a case in the switch below;
 *  4. an encoder in `../encoders/`, which writes the record;
 *  5. `deno task build`.
 * A kernel has `SCRATCH_BYTES` of scratch memory for each thread; what needs more, or must be shared by the threads, is taken by the
 * encoder as a temporary. Results are uninitialised memory; kernels must not write beyond them (other tensors follow).
 *
 * @module
 */
import { Kernel } from "../kernel_id";
import { activate } from "./activate";
import { add } from "./add";
import { inlineData } from "./inline";
import { zero } from "./zero";

/** Whether this build fuses multiply and add. */
export const relaxed: bool = ASC_FEATURE_RELAXED_SIMD;
/** Where the kernels' own constants end; memory below is not to be allocated. */
export const heapBase: usize = __heap_base;

/** Runs the records from `list` up to `end` as thread `thread` of `threads`, with scratch memory of this thread's own. */
export function run(list: usize, end: usize, thread: i32, threads: i32, scratch: usize): void {
  while (list < end) {
    dispatch(load<i32>(list), list + 8, thread, threads, scratch);
    list += <usize> load<u32>(list, 4) << 2;
    barrier(threads);
  }
}

function dispatch(kernel: i32, args: usize, thread: i32, threads: i32, scratch: usize): void {
  switch (kernel) {
    case Kernel.inline: return inlineData(args, thread, threads, scratch);
    case Kernel.zero: return zero(args, thread, threads, scratch);
    case Kernel.add: return add(args, thread, threads, scratch);
    case Kernel.activate: return activate(args, thread, threads, scratch);
    default: unreachable();
  }
}

/** Waits until all threads are here; one thread waits for nobody. */
// @ts-ignore: decorator
@inline
function barrier(threads: i32): void {
}
