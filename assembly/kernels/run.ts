/**
 * Runs a command list. The list lies in wasm memory as records of 32-bit words:
 *
 *     [kernel id and work, words in the whole record, arguments...]
 *
 * Addresses are u32, sizes i32, floats by their bits; 0 is the address of what is absent. The first thread runs them in
 * order. A record with enough work for several threads is cut into pieces, which a kernel knows as `thread` of
 * `threads`. A record that would keep the host's event loop waiting for too long is in the list several times, each
 * time for a part of its pieces.
 *
 * How to add a kernel:
 *  1. Write a file in one of the folders here, named as the operation. It exports the arguments as an `@unmanaged`
 *     class, one field a word (`common/fields.ts` has the types), and the kernel as
 *     `function layerNorm(a: LayerNormArguments, thread: i32, threads: i32, scratch: usize): void`.
 *     The kernel does its thread's share: `shareStart(pieces, thread, threads)` splits rows, heads or panels, never the
 *     terms of a sum, so that results don't depend on the number of threads.
 *  2. Run `deno task build`, which numbers the kernels and generates the call. If all addresses of the structure are
 *     `Tensor`s, it generates the encoder as well: a `Tensor` is the tensor of that name in the command that is named
 *     as the kernel; `rows`, `width` and `size` are those of its result; `xRows`, `xWidth`, `xSize`, `xShape2` and
 *     `xFormat` those of its tensor `x`; other fields are its options.
 *  3. Only if that is not enough, use fields of type `Address` and write an encoder in `../records/encoders/`, which
 *     calls the function of the kernel's name in `../generated/records.ts`.
 *
 * Each thread has `SCRATCH_BYTES` of scratch memory; an encoder takes temporaries for what is larger, or shared by the
 * threads. Results and scratch are memory that has been used before: kernels must not use what it holds, not even times
 * 0, which is NaN if it held a NaN, and must not write beyond results, because other tensors follow them.
 *
 * @module
 */

import { dispatch } from "../generated/dispatch";
import { RecordWord, Team } from "../records/team_layout";
import { takeReading } from "./common/turns";
import { awaitCommand, awaitPieces, finishPiece, publish, takePiece } from "./team";

/** Whether this build fuses multiply and add. */
export const relaxed: bool = ASC_FEATURE_RELAXED_SIMD;
/** Where the kernels' own constants end; memory below must not be allocated. */
export const heapBase: usize = __heap_base;

/** Runs the records from `list` up to `end`; if `isTogether`, large ones with the helpers that meet at `team`. */
export function run(list: usize, end: usize, scratch: usize, team: usize, isTogether: bool): void {
  takeReading(team);
  while (list < end) {
    if (isTogether && (load<u32>(list) & RecordWord.isShared) != 0) {
      publish(team, list);
      doPieces(team, scratch);
      awaitPieces(team);
    } else {
      runAlone(list, scratch, team);
    }
    list += <usize> load<u32>(list, 4) << 2;
  }
}

/** Helps the thread that runs lists until it sends the helpers away. */
export function help(scratch: usize, team: usize): void {
  let command = 1;
  while (true) {
    command = awaitCommand(team, command);
    if (command == 0) return;
    takeReading(team);
    doPieces(team, scratch);
  }
}

function doPieces(team: usize, scratch: usize): void {
  for (let piece = takePiece(team); piece >= 0; piece = takePiece(team)) {
    const record: usize = load<u32>(team + Team.record);
    runPiece(record, piece, load<i32>(team + Team.pieces), scratch);
    finishPiece(team);
  }
}

/**
 * Runs a record in this thread. Other parts of it may be shared, so this one is cut into as many pieces as the team's:
 * with a coarser cut the pieces would not fit together.
 */
function runAlone(record: usize, scratch: usize, team: usize): void {
  const pieces = partsOf(record) > 1 ? max(1, load<i32>(team + Team.pieces)) : 1;
  for (let piece = 0; piece < pieces; piece++) runPiece(record, piece, pieces, scratch);
}

/** Runs one of the pieces of a record, or of the part of it that the record stands for. */
function runPiece(record: usize, piece: i32, pieces: i32, scratch: usize): void {
  const word = load<i32>(record);
  const part = (word >> RecordWord.part) & RecordWord.partMask;
  dispatch(word & RecordWord.kernel, record + 8, part * pieces + piece, partsOf(record) * pieces, scratch);
}

function partsOf(record: usize): i32 {
  return ((load<i32>(record) >> RecordWord.furtherParts) & RecordWord.partMask) + 1;
}
