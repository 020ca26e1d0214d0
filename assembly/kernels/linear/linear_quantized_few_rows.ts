import { QUANTIZED_PANEL } from "../../records/constants";
import { shareStart } from "../common/split";
import { INPUT_BLOCK } from "../formats/blocks";
import { addBlocks, addBlocksOfTwo } from "../formats/formats";
import { blockCount, panelBlockBytes, quantizedPanelCount } from "../weights/quantized_panels";
import { biasAt, LinearArguments } from "./linear_arguments";
import { begin, finish } from "./linear_tile";

/** Blocks of a panel that stay in the first-level cache while several rows pass over them. */
const CACHED_BLOCKS: i32 = 16;

/**
 * `linear` of two to seven rows, as `quantizeInputs` has left them, with a quantized weight: each panel is one stream
 * through the weight, with 16 sums of one row or two in registers.
 */
export function linearQuantizedFewRows(a: LinearArguments, scratch: usize, thread: i32, threads: i32): void {
  const inputs = a.x, rows = a.rows, outSize = a.outSize, format = a.format;
  const panels = quantizedPanelCount(outSize);
  const toPanel = shareStart(panels, thread + 1, threads);
  const blocks = blockCount(a.inSize);
  const bytes = panelBlockBytes(format);
  const xStride = <usize> blocks * INPUT_BLOCK, scaleStride = <usize> blocks << 3;
  const inputScales = inputs + rows * xStride;
  for (let panel = shareStart(panels, thread, threads); panel < toPanel; panel++) {
    const columns = min(QUANTIZED_PANEL, outSize - panel * QUANTIZED_PANEL);
    const target = a.out + (<usize> panel * QUANTIZED_PANEL << 2);
    // A panel that sticks out of the result is summed in scratch memory.
    const sums = columns < QUANTIZED_PANEL ? scratch : target;
    const stride = <usize> (columns < QUANTIZED_PANEL ? QUANTIZED_PANEL : outSize) << 2;
    begin(sums, stride, rows, biasAt(a, panel * QUANTIZED_PANEL), columns);
    for (let block = 0; block < blocks; block += CACHED_BLOCKS) {
      const quants = a.weight + <usize> (panel * blocks + block) * bytes;
      const count = min(CACHED_BLOCKS, blocks - block);
      for (let row = 0; row < rows; row += 2) {
        const place = <usize> (row * blocks + block);
        const values = inputs + place * INPUT_BLOCK, scales = inputScales + (place << 3);
        const to = sums + row * stride;
        if (row + 1 == rows) addBlocks(quants, values, scales, count, to, format);
        else addBlocksOfTwo(quants, values, xStride, scales, scaleStride, count, to, stride, format);
      }
    }
    finish(sums, stride, rows, columns, a.activation, target, outSize);
  }
}
