import { Address } from "../common/fields";
import { log } from "../common/math";
import { shareStart } from "../common/split";
import { maxRow, sumExp } from "./softmax";

// @ts-ignore: decorator
@unmanaged
export class CrossEntropyArguments {
  /** [rows, width]. */
  logits: Address;
  /** [rows] of i32. */
  targets: Address;
  /** [rows]. */
  losses: Address;
  rows: i32;
  width: i32;
  ignoreIndex: i32;
}

/** -log softmax(logits)[target] of each row; 0 where the target is `ignoreIndex` or no token. */
export function crossEntropy(a: CrossEntropyArguments, thread: i32, threads: i32, scratch: usize): void {
  const width = a.width;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const target = load<i32>(a.targets + (<usize> row << 2));
    let loss: f32 = 0;
    if (target !== a.ignoreIndex && <u32> target < <u32> width) {
      const values = a.logits + (<usize> row * width << 2);
      const largest = maxRow(values, width);
      const logTotal = f32x4.extract_lane(log(f32x4.splat(sumExp(values, width, largest))), 0);
      loss = largest - load<f32>(values + (<usize> target << 2)) + logTotal;
    }
    store<f32>(a.losses + (<usize> row << 2), loss);
  }
}

// @ts-ignore: decorator
@unmanaged
export class SumValuesArguments {
  values: Address;
  /** One value. */
  out: Address;
  count: i32;
}

/** Adds up values, by one thread. */
export function sumValues(a: SumValuesArguments, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  const end = a.values + (<usize> a.count << 2);
  let total: f64 = 0;
  for (let at = a.values; at < end; at += 4) total += <f64> load<f32>(at);
  store<f32>(a.out, <f32> total);
}
