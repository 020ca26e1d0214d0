import { addScaled } from "../common/dot";
import { shareStart } from "../common/split";
import { AttentionArguments, keyBase, keyStride } from "./attention_arguments";
import { asFloats } from "./cache_rows";

/** Sums of values weighted by probabilities [b, H, n, memory + columns]. */
export function attentionValues(a: AttentionArguments, thread: i32, threads: i32, scratch: usize): void {
  const columns = <usize> (a.memory + a.columns) << 2;
  const width = <usize> a.dim << 2;
  const to = shareStart(a.batch * a.heads * a.n, thread + 1, threads);
  for (let row = shareStart(a.batch * a.heads * a.n, thread, threads); row < to; row++) {
    const i = row % a.n;
    const head = row / a.n % a.heads;
    const b = row / (a.n * a.heads);
    const kvHead = head % a.kvHeads;
    const weights = a.q + row * columns;
    const out = a.out + (<usize> (b * a.n + i) * a.heads + head) * width;
    memory.fill(out, 0, width);
    const memoryValues = a.memoryValues + <usize> kvHead * a.memory * width;
    for (let key = 0; key < a.memory; key++) {
      addScaled(load<f32>(weights + (<usize> key << 2)), memoryValues + <usize> key * width, out, a.dim);
    }
    const values = keyBase(a, a.v, b, kvHead);
    for (let column = 0; column < a.columns; column++) {
      const row = asFloats(values + <usize> column * keyStride(a), scratch, a.dim, a.format);
      addScaled(load<f32>(weights + (<usize> (a.memory + column) << 2)), row, out, a.dim);
    }
  }
}
