import { PANEL, QUANTIZED_PANEL } from "../../records/constants";
import { shareStart } from "../common/split";
import { blocksInTurns, valuesInTurns } from "../common/turns";
import { INPUT_BLOCK } from "../formats/blocks";
import { addBlocks, addPanel, beginPanel, finishPanel, isBlocked } from "../formats/formats";
import { panelBytes, panelCount } from "../weights/panels";
import { blockCount, panelBlockBytes, quantizedPanelCount } from "../weights/quantized_panels";
import { biasAt, LinearArguments } from "./linear_arguments";
import { begin, finish } from "./linear_tile";

/** Columns of the panels that are read in turns: 4 panels of values, 8 of blocks. */
const COLUMNS_IN_TURNS: i32 = 128;
/** Bytes of a panel that are read in a turn, at most, but one block at least: about as far as processors prefetch. */
const TURN_BYTES: usize = 1024;

/** `linear` of a single row by a weight of values. */
export function linearRow(a: LinearArguments, thread: i32, threads: i32, scratch: usize): void {
  productOfRow(a, thread, threads, scratch, valuesInTurns());
}

/** `linear` of a single row, as `quantizeInputs` has left it, by a weight of blocks. */
export function linearBlocksRow(a: LinearArguments, thread: i32, threads: i32, scratch: usize): void {
  productOfRow(a, thread, threads, scratch, blocksInTurns());
}

/**
 * A single row takes as long as reading the weight. In order, a panel is one stream through memory.
 * In turns, a thread reads a little of each of several panels, the next ones of as many runs: more reads are under way
 * at once, which makes some processors faster and others slower (`../../machine/reading.ts`). A sum is the same chain
 * of additions either way.
 */
function productOfRow(a: LinearArguments, thread: i32, threads: i32, scratch: usize, inTurns: bool): void {
  const outSize = a.outSize, isBlocks = isBlocked(a.format);
  const width = isBlocks ? QUANTIZED_PANEL : PANEL;
  const panels = isBlocks ? quantizedPanelCount(outSize) : panelCount(outSize);
  const depth = isBlocks ? blockCount(a.inSize) : a.inSize;
  const step = isBlocks ? panelBlockBytes(a.format) : panelBytes(1, a.format);
  const streams = inTurns ? COLUMNS_IN_TURNS / width : 1;
  const turn = inTurns ? max(1, <i32> (TURN_BYTES / step)) : depth;
  const from = shareStart(panels, thread, threads), to = shareStart(panels, thread + 1, threads);
  const run = (to - from + streams - 1) / streams;
  const sumBytes = <usize> width << 2;
  for (let first = from; first < from + run; first++) {
    // Several panels are summed in scratch memory, and one that sticks out of the result.
    const isWhole = streams == 1 && (first + 1) * width <= outSize;
    const all = isWhole ? a.out + (<usize> first * width << 2) : scratch;
    // The last run may be shorter.
    const last = all + min(streams, (to - first + run - 1) / run) * sumBytes;
    for (let sums = all, panel = first; sums < last; sums += sumBytes, panel += run) {
      begin(sums, sumBytes, 1, biasAt(a, panel * width), min(width, outSize - panel * width));
      beginPanel(sums, a.format);
    }
    for (let k = 0; k < depth; k += turn) {
      const count = min(turn, depth - k);
      let weight = a.weight + (<usize> first * depth + k) * step;
      for (let sums = all; sums < last; sums += sumBytes, weight += <usize> run * depth * step) {
        if (isBlocks) addBlocksFrom(a, k, depth, weight, count, sums);
        else addPanel(weight, a.x + (<usize> k << 2), count, sums, a.format);
      }
    }
    for (let sums = all, panel = first; sums < last; sums += sumBytes, panel += run) {
      finishPanel(sums, a.format);
      const columns = min(width, outSize - panel * width);
      finish(sums, sumBytes, 1, columns, a.activation, a.out + (<usize> panel * width << 2), outSize);
    }
  }
}

/** sums [16] += blocks of a panel, from block k of `depth` on, · the inputs that `quantizeInputs` has left. */
// @ts-ignore: decorator
@inline
function addBlocksFrom(a: LinearArguments, k: i32, depth: i32, weight: usize, count: i32, sums: usize): void {
  const scales = a.x + <usize> depth * INPUT_BLOCK;
  addBlocks(weight, a.x + <usize> k * INPUT_BLOCK, scales + (<usize> k << 3), count, sums, a.format);
}
