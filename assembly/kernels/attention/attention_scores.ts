import { dot } from "../common/dot";
import { shareStart } from "../common/split";
import { LOWEST } from "../softmax/softmax";
import {
  AttentionArguments,
  decayPowers,
  endKey,
  firstKey,
  firstQuery,
  isMasked,
  keyBase,
  keyStride,
  XPOS_BLOCK_BITS,
} from "./attention_arguments";
import { biasScore } from "./attention_bias";
import { asFloats } from "./cache_rows";

/** Scores before the softmax: a row for each query of each head, LOWEST for hidden keys. */
export function attentionScores(a: AttentionArguments, thread: i32, threads: i32, scratch: usize): void {
  const bytes = <usize> (a.memory + a.columns) << 2;
  const to = shareStart(a.batch * a.heads * a.n, thread + 1, threads);
  for (let row = shareStart(a.batch * a.heads * a.n, thread, threads); row < to; row++) {
    const i = row % a.n;
    const head = row / a.n % a.heads;
    const b = row / (a.n * a.heads);
    scoreRow(a, b, head, i, a.out + row * bytes, scratch);
  }
}

function scoreRow(a: AttentionArguments, b: i32, head: i32, i: i32, out: usize, scratch: usize): void {
  const width = <usize> a.dim << 2;
  const kvHead = head % a.kvHeads;
  const query = a.q + (<usize> (b * a.n + i) * a.heads + head) * width;
  for (let key = 0; key < a.memory; key++, out += 4) {
    const score = a.scale * dot(query, a.memoryKeys + (<usize> kvHead * a.memory + key) * width, a.dim);
    store<f32>(out, biasScore(a, score, true, head, 0, 0));
  }
  for (let column = 0; column < a.columns; column++) store<f32>(out + (<usize> column << 2), LOWEST);
  const first = firstQuery(a, b);
  const position = first + i;
  const keys = keyBase(a, a.k, b, kvHead);
  const stride = keyStride(a);
  const end = a.isCausal ? min<i32>(endKey(a, first), position + 1) : endKey(a, first);
  const buffer = scratch + width;
  let blocks = i32.MIN_VALUE;
  for (let key = firstKey(a, first); key < end; key++) {
    if (isMasked(a, b, key)) continue;
    const column = a.isCache ? key % a.columns : key;
    let decayed = query;
    if (a.decay) {
      const own = (position >> XPOS_BLOCK_BITS) - (key >> XPOS_BLOCK_BITS);
      if (own !== blocks) decayQuery(a, query, own, scratch);
      blocks = own;
      decayed = scratch;
    }
    const row = asFloats(keys + column * stride, buffer, a.dim, a.format);
    const score = a.scale * dot(decayed, row, a.dim);
    store<f32>(out + (<usize> column << 2), biasScore(a, score, false, head, position, key));
  }
}

/** Writes query · decay^blocks to `to`. */
function decayQuery(a: AttentionArguments, query: usize, blocks: i32, to: usize): void {
  decayPowers(a.decay, blocks, a.dim, to);
  for (const end = to + (<usize> a.dim << 2); to < end; to += 4, query += 4) {
    store<f32>(to, load<f32>(to) * load<f32>(query));
  }
}
