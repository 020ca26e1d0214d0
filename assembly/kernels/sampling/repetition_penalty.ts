import { shareStart } from "../common/split";
import { LOWEST } from "../softmax/softmax";

/**
 * Repetition penalty (arXiv 1909.05858): positive logits of tokens in the history are divided by it, negative ones multiplied. Arguments:
 * logits, history, out, rows, width, history's width, penalty (f32).
 */
export function repetitionPenalty(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const logits: usize = load<u32>(args);
  const history: usize = load<u32>(args, 4);
  const out: usize = load<u32>(args, 8);
  const rows = load<i32>(args, 12);
  const width = load<i32>(args, 16);
  const past = load<i32>(args, 20);
  const penalty = load<f32>(args, 24);
  const stride = <usize> width << 2;
  const to = shareStart(rows, thread + 1, threads);
  for (let row = shareStart(rows, thread, threads); row < to; row++) {
    const from = logits + row * stride;
    const result = out + row * stride;
    memory.copy(result, from, stride);
    for (let i = 0; i < past; i++) {
      const token = load<u32>(history + ((<usize> row * past + i) << 2));
      if (token >= <u32> width) continue;
      // Computed from the untouched logit, so that a token that occurs twice is punished once.
      const logit = load<f32>(from + (<usize> token << 2));
      const punished = logit > 0 ? logit / penalty : logit * penalty;
      store<f32>(result + (<usize> token << 2), logit <= LOWEST ? LOWEST : punished);
    }
  }
}
