/**
 * Runs a command list. The list lies in wasm memory as records of 32-bit words:
 *
 *     [kernel id and work, words in the whole record, arguments...]
 *
 * Addresses are u32, sizes i32, floats by their bits; 0 is the address of what is absent. The first thread runs them in order.
 * Where there is enough work for several threads a record is cut into pieces, which a kernel knows as `thread` of `threads`. A record that
 * takes so long that the host's event loop would miss its turn stands there several times, each time for a part of its pieces.
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
 * encoder as a temporary. Results and scratch are memory that others have used: kernels must not count on what it holds, not even times
 * 0, which is NaN if it held a NaN, and must not write beyond results (other tensors follow).
 *
 * @module
 */

import { Kernel } from "../records/kernel_id";
import { RecordWord, Team } from "../records/team_layout";
import { appendCache } from "./attention/append_cache";
import { attention } from "./attention/attention";
import { attentionFewRows } from "./attention/attention_few_rows";
import { mergeChunks } from "./attention/attention_merge";
import { attentionScores } from "./attention/attention_scores";
import { attentionValues } from "./attention/attention_values";
import { readCache, ReadCacheArguments } from "./attention/cache_rows";
import { rotary } from "./attention/rotary";
import { activate } from "./elementwise/activate";
import { add } from "./elementwise/add";
import { glu } from "./elementwise/glu";
import { multiply } from "./elementwise/multiply";
import { linear } from "./linear/linear";
import { LinearArguments } from "./linear/linear_arguments";
import { quantizeInputs, QuantizeInputsArguments } from "./linear/quantize_inputs";
import { copyRows } from "./memory/copy_rows";
import { inlineData } from "./memory/inline";
import { zero } from "./memory/zero";
import { l2Norm } from "./norm/l2_norm";
import { layerNorm } from "./norm/layer_norm";
import { acceptDraft } from "./sampling/accept_draft";
import { filterLogits } from "./sampling/filter_logits";
import { repetitionPenalty } from "./sampling/repetition_penalty";
import { sample } from "./sampling/sample";
import { gatherRows } from "./sequence/gather_rows";
import { maskRows } from "./sequence/mask_rows";
import { meanPool } from "./sequence/mean_pool";
import { patches } from "./sequence/patches";
import { shiftTokens } from "./sequence/shift_tokens";
import { crossEntropy, sumValues } from "./softmax/cross_entropy";
import { softmax, logSoftmax } from "./softmax/softmax";
import { awaitCommand, awaitPieces, finishPiece, putUp, takePiece } from "./team";
import { embedding, EmbeddingArguments } from "./weights/embedding";
import { readRows, WeightRowsArguments, writeRows } from "./weights/weight_rows";

/** Whether this build fuses multiply and add. */
export const relaxed: bool = ASC_FEATURE_RELAXED_SIMD;
/** Where the kernels' own constants end; memory below is not to be allocated. */
export const heapBase: usize = __heap_base;

/** Runs the records from `list` up to `end`; large ones, if they are to be shared, with the helpers that meet at `team`. */
export function run(list: usize, end: usize, scratch: usize, team: usize, isTogether: bool): void {
  while (list < end) {
    if (isTogether && (load<u32>(list) & RecordWord.isShared) != 0) {
      putUp(team, list);
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
 * Runs a record in this thread. Other parts of it may be shared, so each is cut into as many pieces as the team's: those of a coarser
 * cut would not go together with them.
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

function dispatch(kernel: i32, args: usize, thread: i32, threads: i32, scratch: usize): void {
  switch (kernel) {
    case Kernel.inline: return inlineData(args, thread, threads, scratch);
    case Kernel.zero: return zero(args, thread, threads, scratch);
    case Kernel.add: return add(args, thread, threads, scratch);
    case Kernel.activate: return activate(args, thread, threads, scratch);
    case Kernel.glu: return glu(args, thread, threads, scratch);
    case Kernel.multiply: return multiply(args, thread, threads, scratch);
    case Kernel.layerNorm: return layerNorm(args, thread, threads, scratch);
    case Kernel.l2Norm: return l2Norm(args, thread, threads, scratch);
    case Kernel.rotary: return rotary(args, thread, threads, scratch);
    case Kernel.maskRows: return maskRows(args, thread, threads, scratch);
    case Kernel.shiftTokens: return shiftTokens(args, thread, threads, scratch);
    case Kernel.gatherRows: return gatherRows(args, thread, threads, scratch);
    case Kernel.copyRows: return copyRows(args, thread, threads, scratch);
    case Kernel.meanPool: return meanPool(args, thread, threads, scratch);
    case Kernel.patches: return patches(args, thread, threads, scratch);
    case Kernel.softmax: return softmax(args, thread, threads, scratch);
    case Kernel.logSoftmax: return logSoftmax(args, thread, threads, scratch);
    case Kernel.crossEntropy: return crossEntropy(args, thread, threads, scratch);
    case Kernel.sumValues: return sumValues(args, thread, threads, scratch);
    case Kernel.repetitionPenalty: return repetitionPenalty(args, thread, threads, scratch);
    case Kernel.linear: return linear(changetype<LinearArguments>(args), thread, threads, scratch);
    case Kernel.embedding: return embedding(changetype<EmbeddingArguments>(args), thread, threads, scratch);
    case Kernel.writeRows: return writeRows(changetype<WeightRowsArguments>(args), thread, threads, scratch);
    case Kernel.readRows: return readRows(changetype<WeightRowsArguments>(args), thread, threads, scratch);
    case Kernel.filterLogits: return filterLogits(args, thread, threads, scratch);
    case Kernel.sample: return sample(args, thread, threads, scratch);
    case Kernel.acceptDraft: return acceptDraft(args, thread, threads, scratch);
    case Kernel.attention: return attention(args, thread, threads, scratch);
    case Kernel.mergeChunks: return mergeChunks(args, thread, threads, scratch);
    case Kernel.attentionScores: return attentionScores(args, thread, threads, scratch);
    case Kernel.attentionValues: return attentionValues(args, thread, threads, scratch);
    case Kernel.appendCache: return appendCache(args, thread, threads, scratch);
    case Kernel.attentionFewRows: return attentionFewRows(args, thread, threads, scratch);
    case Kernel.quantizeInputs: return quantizeInputs(changetype<QuantizeInputsArguments>(args), thread, threads, scratch);
    case Kernel.readCache: return readCache(changetype<ReadCacheArguments>(args), thread, threads, scratch);
    default: unreachable();
  }
}
