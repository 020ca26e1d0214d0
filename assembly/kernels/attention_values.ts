import { AttentionArguments, keyBase, keyStride } from "./attention_arguments";
import { addScaled } from "./dot";
import { shareStart } from "./split";

/** The plain path's sums of values weighted by probabilities [b, H, n, memory + columns]. */
export function attentionValues(args: usize, thread: i32, threads: i32, scratch: usize): void {
  const a = changetype<AttentionArguments>(args);
  const columns = <usize> (a.memory + a.columns) << 2;
  const width = <usize> a.dim << 2;
  const to = shareStart(a.batch * a.heads * a.n, thread + 1, threads);
  for (let row = shareStart(a.batch * a.heads * a.n, thread, threads); row < to; row++) {
    const i = row % a.n;
    const head = row / a.n % a.heads;
    const b = row / (a.n * a.heads);
    const kvHead = head % a.kvHeads;
    const weights = <usize> a.q + row * columns;
    const out = <usize> a.out + (<usize> (b * a.n + i) * a.heads + head) * width;
    memory.fill(out, 0, width);
    addValues(weights, a.memory, <usize> a.memoryValues + <usize> kvHead * a.memory * width, width, out, a.dim);
    addValues(weights + (<usize> a.memory << 2), a.columns, keyBase(a, a.v, b, kvHead), keyStride(a), out, a.dim);
  }
}

/** out += Σ weight · value. */
function addValues(weights: usize, count: i32, values: usize, stride: usize, out: usize, dim: i32): void {
  for (const last = weights + (<usize> count << 2); weights < last; weights += 4, values += stride) {
    addScaled(load<f32>(weights), values, out, dim);
  }
}
