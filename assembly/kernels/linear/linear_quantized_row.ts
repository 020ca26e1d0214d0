import { QUANTIZED_PANEL } from "../../records/constants";
import { FormatId } from "../../records/kernel_id";
import { finiteHalvesToFloats } from "../common/half";
import { madd } from "../common/simd";
import { shareStart } from "../common/split";
import { blockBytes, blockCount, lowBytes, lowNibbles, SCALE_BYTES, STEP_BYTES } from "../weights/quantized_panels";
import { begin, finish } from "./linear_tile";
import { INPUT_BLOCK } from "./quantized_input";

/** Blocks of a panel that stay in the first-level cache while several rows pass over them. */
const CACHED_BLOCKS: i32 = 16;

/**
 * `linear` of one to seven rows, as `quantizeInputs` has left them, with a quantized weight: each panel is one stream
 * through the weight, 16 sums in 4 registers.
 */
export function linearQuantizedRow(
  inputs: usize,
  weight: usize,
  bias: usize,
  out: usize,
  rows: i32,
  inSize: i32,
  outSize: i32,
  format: i32,
  activation: i32,
  thread: i32,
  threads: i32,
  scratch: usize,
): void {
  const panels = (outSize + QUANTIZED_PANEL - 1) / QUANTIZED_PANEL;
  const toPanel = shareStart(panels, thread + 1, threads);
  const blocks = blockCount(inSize);
  const panelBytes = <usize> blocks * blockBytes(format);
  const inputScales = inputs + <usize> (rows * blocks) * INPUT_BLOCK;
  const step = rows > 1 ? CACHED_BLOCKS : blocks;
  for (let panel = shareStart(panels, thread, threads); panel < toPanel; panel++) {
    const columns = min(QUANTIZED_PANEL, outSize - panel * QUANTIZED_PANEL);
    const target = out + (<usize> panel * QUANTIZED_PANEL << 2);
    // A panel that sticks out of the result is summed in scratch memory.
    const sums = columns < QUANTIZED_PANEL ? scratch : target;
    const stride = <usize> (columns < QUANTIZED_PANEL ? QUANTIZED_PANEL : outSize) << 2;
    begin(sums, stride, rows, bias ? bias + (<usize> panel * QUANTIZED_PANEL << 2) : 0, columns);
    for (let block = 0; block < blocks; block += step) {
      const quants = weight + panel * panelBytes + <usize> block * blockBytes(format);
      const count = min(step, blocks - block);
      for (let row = 0; row < rows; row++) {
        const place = <usize> (row * blocks + block);
        const values = inputs + place * INPUT_BLOCK;
        const scales = inputScales + (place << 3);
        if (format == FormatId.q8_0) addQ8(quants, values, scales, count, sums + row * stride);
        else addQ4(quants, values, scales, count, sums + row * stride);
      }
    }
    finish(sums, stride, rows, columns, activation, target, outSize);
  }
}

/**
 * sums [16] += blocks of a q8_0 panel · quantized inputs. Loops over 4 features, not unrolled: see `tile` in
 * `linear_tile.ts`.
 */
function addQ8(weight: usize, x: usize, scales: usize, blocks: i32, sums: usize): void {
  const mask = lowBytes();
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  for (const end = scales + (<usize> blocks << 3); scales < end; scales += 8, weight += SCALE_BYTES) {
    const correction = v128.load32_splat(scales, 4);
    let e = correction, f = correction, g = correction, h = correction;
    for (const next = x + INPUT_BLOCK; x < next; x += 8, weight += STEP_BYTES) {
      const pairs = v128.load64_zero(x);
      const first = v128.shuffle<i32>(pairs, pairs, 0, 0, 0, 0);
      const second = v128.shuffle<i32>(pairs, pairs, 1, 1, 1, 1);
      e = addBytes(v128.load(weight), mask, first, second, e);
      f = addBytes(v128.load(weight, 16), mask, first, second, f);
      g = addBytes(v128.load(weight, 32), mask, first, second, g);
      h = addBytes(v128.load(weight, 48), mask, first, second, h);
    }
    const scale = v128.load32_splat(scales);
    a = addBlock(e, weight, scale, a);
    b = addBlock(f, weight + 8, scale, b);
    c = addBlock(g, weight + 16, scale, c);
    d = addBlock(h, weight + 24, scale, d);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

// @ts-ignore: decorator
@inline
function addBytes(packed: v128, mask: v128, first: v128, second: v128, sum: v128): v128 {
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(packed, mask), first));
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_s(packed, 8), second));
}

/** sums [16] += blocks of a q4_0 panel · quantized inputs. */
function addQ4(weight: usize, x: usize, scales: usize, blocks: i32, sums: usize): void {
  const mask = lowNibbles();
  let a = v128.load(sums), b = v128.load(sums, 16), c = v128.load(sums, 32), d = v128.load(sums, 48);
  for (const end = scales + (<usize> blocks << 3); scales < end; scales += 8, weight += SCALE_BYTES) {
    const correction = v128.load32_splat(scales, 4);
    let e = correction, f = correction, g = correction, h = correction;
    for (const next = x + INPUT_BLOCK; x < next; x += 16, weight += STEP_BYTES) {
      const first = v128.load32_splat(x), second = v128.load32_splat(x, 4);
      const third = v128.load32_splat(x, 8), fourth = v128.load32_splat(x, 12);
      e = addNibbles(v128.load(weight), mask, first, second, third, fourth, e);
      f = addNibbles(v128.load(weight, 16), mask, first, second, third, fourth, f);
      g = addNibbles(v128.load(weight, 32), mask, first, second, third, fourth, g);
      h = addNibbles(v128.load(weight, 48), mask, first, second, third, fourth, h);
    }
    const scale = v128.load32_splat(scales);
    a = addBlock(e, weight, scale, a);
    b = addBlock(f, weight + 8, scale, b);
    c = addBlock(g, weight + 16, scale, c);
    d = addBlock(h, weight + 24, scale, d);
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

// @ts-ignore: decorator
@inline
function addNibbles(
  packed: v128,
  mask: v128,
  first: v128,
  second: v128,
  third: v128,
  fourth: v128,
  sum: v128,
): v128 {
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(packed, mask), first));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(packed, 4), mask), second));
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(packed, 8), mask), third));
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.shr_u(packed, 12), fourth));
}

/** sum + dot · scale of the weights, which are four f16 · scale of the inputs. */
// @ts-ignore: decorator
@inline
function addBlock(dot: v128, halves: usize, inputScale: v128, sum: v128): v128 {
  const scale = finiteHalvesToFloats(v128.load_ext<i16>(halves));
  return madd(f32x4.mul(f32x4.convert_i32x4_s(dot), scale), inputScale, sum);
}
