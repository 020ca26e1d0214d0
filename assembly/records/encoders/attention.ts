/**
 * Records of attention and its caches.
 *
 * @module
 */

import type { AttentionCommand } from "../../../engine/commands.ts";
import { floatBits } from "../command_list.ts";
import { CHUNK } from "../constants.ts";
import { Kernel } from "../kernel_id.ts";
import { addressOf, type Encoders, type WasmTensor } from "./encoder.ts";
import { formatId } from "./weight.ts";

/**
 * Up to this many query rows for each key head, keys are cut into chunks: there are few other pieces to share among
 * threads.
 */
const CHUNKED_ROWS = 64;

/** Up to this many query rows for each key head, features are in lanes; of more, rows are. */
const FEW_ROWS = 2;

type Op = "attention" | "attentionScores" | "attentionValues" | "appendCache";

/** Encoders of attention and its caches. */
export const attention: Pick<Encoders, Op> = {
  attention(command, recorder) {
    const { q, k, v, out, heads, kvHeads, dim } = command;
    const [b = 0, n = 0] = q.shape;
    const rows = n * (heads / kvHeads);
    const chunks = rows <= CHUNKED_ROWS ? Math.max(1, Math.ceil(columnsOf(k) / CHUNK)) : 1;
    const partials = chunks > 1 ? recorder.temporary(b * kvHeads * chunks * rows * (dim + 2) * 4) : 0;
    const args = argumentsOf(command, { q, k, v, out }, b, n);
    args.push(partials, chunks);
    recorder.push(rows <= FEW_ROWS ? Kernel.attentionFewRows : Kernel.attention, ...args);
    if (chunks > 1) recorder.push(Kernel.mergeChunks, ...args);
  },
  attentionScores(command, recorder) {
    const { q, k, out } = command;
    const [b = 0, n = 0] = q.shape;
    recorder.push(Kernel.attentionScores, ...argumentsOf(command, { q, k, v: k, out }, b, n));
  },
  attentionValues(command, recorder) {
    const { probabilities, v, out } = command;
    const [b = 0, , n = 0] = probabilities.shape;
    recorder.push(Kernel.attentionValues, ...argumentsOf(command, { q: probabilities, k: v, v, out }, b, n));
  },
  appendCache({ cache, x, positions, lengths }, recorder) {
    const [, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
    const [b = 0, n = 0] = x.shape;
    const [to, from, starts, counts] = [addressOf(cache), addressOf(x), addressOf(positions), addressOf(lengths)];
    const format = formatId(cache.dtype);
    recorder.push(Kernel.appendCache, to, from, starts, counts, b, n, kvHeads, capacity, dim, format);
  },
};

interface Operands {
  readonly q: WasmTensor;
  readonly k: WasmTensor;
  readonly v: WasmTensor;
  readonly out: WasmTensor;
}

/** The fields of the kernels' AttentionArguments, in their order. */
function argumentsOf(command: AttentionCommand<WasmTensor>, operands: Operands, b: number, n: number): number[] {
  const { heads, kvHeads, dim, positions, slopes, mask, memoryKeys, memoryValues, decay } = command;
  const { q, k, v, out } = operands;
  // Listed one by one: `map` and spreading take 0.25 µs more, a fifth of the operation on the host (Zen 4, Deno 2.9).
  return [
    addressOf(q),
    addressOf(k),
    addressOf(v),
    addressOf(out),
    addressOf(positions),
    addressOf(slopes),
    addressOf(mask),
    addressOf(memoryKeys),
    addressOf(memoryValues),
    addressOf(decay),
    floatBits(command.scale),
    Number(command.causal),
    heads,
    kvHeads,
    dim,
    b,
    n,
    columnsOf(k),
    Number(k.layout === "cache"),
    (memoryKeys ?? memoryValues)?.shape[1] ?? 0,
    mask?.width ?? 0,
    formatId(k.dtype),
  ];
}

/** Keys of a sequence, or the capacity of a cache. */
function columnsOf(k: WasmTensor): number {
  return (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0;
}
