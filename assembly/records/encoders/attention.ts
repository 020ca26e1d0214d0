/**
 * Records of attention and its caches.
 *
 * @module
 */

import type { AttentionCommand } from "../../../engine/commands.ts";
import type { AttentionArguments } from "../../generated/records.ts";
import * as record from "../../generated/records.ts";
import { CHUNK } from "../constants.ts";
import { addressOf, type Encoders, type WasmTensor } from "./encoder.ts";
import { formatId } from "./weight.ts";

/**
 * Up to this many query rows for each key head, keys are cut into chunks: there are few other pieces to share among
 * threads.
 */
const CHUNKED_ROWS = 64;

/** Up to this many query rows for each key head, features are in lanes; of more, rows are. */
const FEW_ROWS = 2;

/** Encoders of attention. */
export const attention = {
  attention(command, recorder) {
    const { q, k, v, out, heads, kvHeads, dim } = command;
    const [b = 0, n = 0] = q.shape;
    const rows = n * (heads / kvHeads);
    const chunks = rows <= CHUNKED_ROWS ? Math.max(1, Math.ceil(columnsOf(k) / CHUNK)) : 1;
    const partials = chunks > 1 ? recorder.temporary(b * kvHeads * chunks * rows * (dim + 2) * 4) : 0;
    const args = argumentsOf(command, { q, k, v, out, b, n, partials, chunks });
    if (rows <= FEW_ROWS) record.attentionFewRows(recorder, args);
    else record.attention(recorder, args);
    if (chunks > 1) record.mergeChunks(recorder, args);
  },
  attentionScores(command, recorder) {
    const { q, k, out } = command;
    const [b = 0, n = 0] = q.shape;
    record.attentionScores(recorder, argumentsOf(command, { q, k, v: k, out, b, n, partials: 0, chunks: 1 }));
  },
  attentionValues(command, recorder) {
    const { probabilities, v, out } = command;
    const [b = 0, , n = 0] = probabilities.shape;
    const operands = { q: probabilities, k: v, v, out, b, n, partials: 0, chunks: 1 };
    record.attentionValues(recorder, argumentsOf(command, operands));
  },
} satisfies Partial<Encoders>;

/** What an operation gives beside the options that all of them have. */
interface Operands {
  readonly q: WasmTensor;
  readonly k: WasmTensor;
  readonly v: WasmTensor;
  readonly out: WasmTensor;
  /** Sequences and their queries. */
  readonly b: number;
  readonly n: number;
  readonly partials: number;
  readonly chunks: number;
}

function argumentsOf(command: AttentionCommand<WasmTensor>, operands: Operands): AttentionArguments {
  const { heads, kvHeads, dim, positions, memoryKeys, memoryValues, mask } = command;
  const { q, k, v, out, b, n, partials, chunks } = operands;
  return {
    q: addressOf(q),
    k: addressOf(k),
    v: addressOf(v),
    out: addressOf(out),
    positions: addressOf(positions),
    slopes: addressOf(command.slopes),
    mask: addressOf(mask),
    memoryKeys: addressOf(memoryKeys),
    memoryValues: addressOf(memoryValues),
    decay: addressOf(command.decay),
    scale: command.scale,
    isCausal: command.causal,
    heads,
    kvHeads,
    dim,
    batch: b,
    n,
    columns: columnsOf(k),
    isCache: k.layout === "cache",
    cacheRows: positions?.shape.length === 2 ? k.shape[0] ?? 0 : 0,
    memory: (memoryKeys ?? memoryValues)?.shape[1] ?? 0,
    maskWidth: mask?.width ?? 0,
    format: formatId(k.dtype),
    partials,
    chunks,
  };
}

/** Keys of a sequence, or the capacity of a cache. */
function columnsOf(k: WasmTensor): number {
  return (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0;
}
