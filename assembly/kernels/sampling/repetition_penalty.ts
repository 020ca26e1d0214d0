import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { LOWEST } from "../softmax/softmax";

// @ts-ignore: decorator
@unmanaged
export class RepetitionPenaltyArguments {
  /** [rows, width]. */
  logits: Tensor;
  /** Token ids [rows, historyWidth]; ids out of range are skipped. */
  history: Tensor;
  out: Tensor;
  rows: i32;
  width: i32;
  historyWidth: i32;
  penalty: f32;
}

/**
 * Repetition penalty (arXiv 1909.05858): divides positive logits of tokens in the history and multiplies negative ones.
 */
export function repetitionPenalty(a: RepetitionPenaltyArguments, thread: i32, threads: i32, scratch: usize): void {
  const width = a.width;
  const past = a.historyWidth;
  const penalty = a.penalty;
  const stride = <usize> width << 2;
  const to = shareStart(a.rows, thread + 1, threads);
  for (let row = shareStart(a.rows, thread, threads); row < to; row++) {
    const from = a.logits + row * stride;
    const result = a.out + row * stride;
    memory.copy(result, from, stride);
    for (let i = 0; i < past; i++) {
      const token = load<u32>(a.history + ((<usize> row * past + i) << 2));
      if (token >= <u32> width) continue;
      // Computed from the original logit, so that a token that occurs twice is punished once.
      const logit = load<f32>(from + (<usize> token << 2));
      const punished = logit > 0 ? logit / penalty : logit * penalty;
      store<f32>(result + (<usize> token << 2), logit <= LOWEST ? LOWEST : punished);
    }
  }
}
