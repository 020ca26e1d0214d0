import { log } from "../common/math";
import { shareStart } from "../common/split";
import { maxRow, sumExp } from "./softmax";

/**
 * -log softmax(logits)[target] of each row; 0 where the target is `ignoreIndex` or no token. Arguments: logits, targets, losses, rows,
 * width, ignoreIndex.
 */
export function crossEntropy(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const logits: usize = load<u32>(args);
  const targets: usize = load<u32>(args, 4);
  const losses: usize = load<u32>(args, 8);
  const rows = load<i32>(args, 12);
  const width = load<i32>(args, 16);
  const ignoreIndex = load<i32>(args, 20);
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const target = load<i32>(targets + (<usize> row << 2));
    let loss: f32 = 0;
    if (target !== ignoreIndex && <u32> target < <u32> width) {
      const values = logits + (<usize> row * width << 2);
      const largest = maxRow(values, width);
      const logTotal = f32x4.extract_lane(log(f32x4.splat(sumExp(values, width, largest))), 0);
      loss = largest - load<f32>(values + (<usize> target << 2)) + logTotal;
    }
    store<f32>(losses + (<usize> row << 2), loss);
  }
}

/** Σ of values, by one thread. Arguments: values, out, count. */
export function sumValues(args: usize, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  const values: usize = load<u32>(args);
  const out: usize = load<u32>(args, 4);
  const end = values + (<usize> load<u32>(args, 8) << 2);
  let total: f64 = 0;
  for (let at = values; at < end; at += 4) total += <f64> load<f32>(at);
  store<f32>(out, <f32> total);
}
