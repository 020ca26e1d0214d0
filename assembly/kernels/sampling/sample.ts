import { Address } from "../common/fields";
import { shareStart } from "../common/split";
import { LOWEST, maxRow } from "../softmax/softmax";
import { exponentials, NOBODY, raceLog, winner } from "./random";
import { canDraw, scaled } from "./scaled_logits";

// @ts-ignore: decorator
@unmanaged
export class SampleArguments {
  /** [rows, width]. */
  logits: Address;
  /** Token ids [rows]. */
  out: Address;
  rows: i32;
  width: i32;
  /** 1 / temperature; infinity: take the largest logit. */
  inverse: f32;
  seed: u32;
  counter: u32;
}

/** Draws a token from each row by an exponential race (see `random.ts`); `NOBODY` if none can be drawn. */
export function sample(a: SampleArguments, thread: i32, threads: i32, scratch: usize): void {
  const width = a.width;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const values = a.logits + (<usize> row * width << 2);
    const largest = maxRow(values, width);
    let token = NOBODY;
    if (canDraw(largest)) {
      token = a.inverse === Infinity
        ? firstOf(values, largest)
        : draw(values, width, largest, a.inverse, a.seed, a.counter, row, scratch);
    }
    store<i32>(a.out + (<usize> row << 2), token);
  }
}

/** The first token whose logit is the largest. */
function firstOf(logits: usize, largest: f32): i32 {
  const wanted = f32x4.splat(largest);
  let token = 0;
  let found = i32x4.bitmask(f32x4.eq(v128.load(logits), wanted));
  while (!found) {
    token += 4;
    logits += 16;
    found = i32x4.bitmask(f32x4.eq(v128.load(logits), wanted));
  }
  return token + ctz(found);
}

// Tensors end on 64-byte boundaries, so the last vector of a row may be read whole; lanes beyond the row are hidden.

function draw(
  logits: usize,
  width: i32,
  largest: f32,
  inverse: f32,
  seed: u32,
  counter: u32,
  row: u32,
  scratch: usize,
): i32 {
  const shift = f32x4.splat(largest);
  const inverses = f32x4.splat(inverse);
  let best = f32x4.splat(-Infinity);
  let winners = i32x4.splat(NOBODY);
  let tokens = i32x4(0, 1, 2, 3);
  for (let i = 0; i < width; i += 4, logits += 16) {
    const values = v128.load(logits);
    const isVisible = v128.and(f32x4.gt(values, f32x4.splat(LOWEST)), i32x4.lt_s(tokens, i32x4.splat(width)));
    if (v128.any_true(isVisible)) {
      const times = exponentials(seed, counter, row, tokens, scratch);
      const scores = f32x4.sub(scaled(values, shift, inverses), raceLog(times));
      const isBetter = v128.and(f32x4.gt(scores, best), isVisible);
      best = v128.bitselect(scores, best, isBetter);
      winners = v128.bitselect(tokens, winners, isBetter);
    }
    tokens = i32x4.add(tokens, i32x4.splat(4));
  }
  return winner(best, winners, scratch);
}
