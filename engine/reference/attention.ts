/**
 * Attention as the papers write it, scores and all.
 *
 * @module
 */

import { LOWEST, XPOS_BLOCK } from "../../backend/operations.ts";
import { softmax } from "./softmax.ts";
import { at, type Result, size, type Values, zeros } from "./values.ts";

/** `AttentionOptions` with values in place of tensors. */
export interface AttentionCase {
  readonly heads: number;
  readonly kvHeads: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly positions?: Values | undefined;
  readonly slopes?: Values | undefined;
  readonly mask?: Values | undefined;
  readonly memoryKeys?: Values | undefined;
  readonly memoryValues?: Values | undefined;
  readonly decay?: Values | undefined;
}

/** The position of a sequence's first query; positions are [b], or [b, 2] with the row of a cache that it has. */
function firstPosition(positions: Values, sequence: number): number {
  return at(positions, sequence * (positions.shape[1] ?? 1));
}

/** The row of keys or values that a sequence has: its own, or one of a cache that positions [b, 2] name. */
function keptRow(kept: Values, positions: Values | undefined, sequence: number): number {
  if (positions?.shape.length !== 2) return sequence;
  return Math.min(Math.max(at(positions, sequence * 2 + 1), 0), size(kept, 0) - 1);
}

/** Keys or values as [b, m, KV·d], or as a cache [b, KV, capacity, d]. */
function entry(x: Values, kvHeads: number, b: number, head: number, column: number, feature: number): number {
  if (x.shape.length === 4) {
    const [, , capacity = 0, dim = 0] = x.shape;
    return at(x, ((b * kvHeads + head) * capacity + column) * dim + feature);
  }
  const [, m = 0, width = 0] = x.shape;
  return at(x, (b * m + column) * width + head * (width / kvHeads) + feature);
}

/** Columns of keys: m, or the slots of a cache. */
function columnsOf(k: Values): number {
  return size(k, k.shape.length === 4 ? 2 : 1);
}

/** The position of the key in a column; undefined for a slot of a cache that holds none yet. */
function keyPosition(k: Values, column: number, lastQuery: number): number | undefined {
  if (k.shape.length !== 4) return column;
  const capacity = columnsOf(k);
  const behind = (((lastQuery - column) % capacity) + capacity) % capacity;
  const position = lastQuery - behind;
  return position < 0 ? undefined : position;
}

/** `Backend.attentionScores`: q [b, n, H·d]. */
export function attentionScores(q: Values, k: Values, options: AttentionCase): Result {
  const { heads, kvHeads, scale, causal, positions, slopes, mask, memoryKeys, decay } = options;
  const [b, n, dim] = [size(q, 0), size(q, 1), size(q, 2) / heads];
  const memory = memoryKeys ? size(memoryKeys, 1) : 0;
  const columns = columnsOf(k);
  const out = zeros([b, heads, n, memory + columns]);
  let write = 0;
  for (let row = 0; row < b; row++) {
    const first = positions ? firstPosition(positions, row) : columns - n;
    const kept = keptRow(k, positions, row);
    for (let head = 0; head < heads; head++) {
      const kvHead = head % kvHeads;
      for (let i = 0; i < n; i++) {
        const query = (e: number) => at(q, (row * n + i) * heads * dim + head * dim + e);
        for (let c = 0; c < memory; c++) {
          let dot = 0;
          for (let e = 0; e < dim; e++) dot += query(e) * at(memoryKeys ?? q, (kvHead * memory + c) * dim + e);
          out.data[write++] = scale * dot;
        }
        for (let c = 0; c < columns; c++) {
          const [own, other] = [first + i, keyPosition(k, c, first + n - 1)];
          const isHidden = other === undefined || (causal && other > own) ||
            (mask && other < size(mask, 1) && at(mask, row * size(mask, 1) + other) === 0);
          if (isHidden) {
            out.data[write++] = LOWEST;
            continue;
          }
          const blocks = Math.floor(own / XPOS_BLOCK) - Math.floor(other / XPOS_BLOCK);
          let dot = 0;
          for (let e = 0; e < dim; e++) {
            dot += query(e) * (decay ? at(decay, e) ** blocks : 1) * entry(k, kvHeads, kept, kvHead, c, e);
          }
          out.data[write++] = scale * dot - (slopes ? at(slopes, head) * Math.abs(own - other) : 0);
        }
      }
    }
  }
  return out;
}

/** `Backend.attentionValues`: probabilities [b, H, n, memory + m]. */
export function attentionValues(probabilities: Values, v: Values, options: AttentionCase): Result {
  const { heads, kvHeads, positions, memoryValues } = options;
  const [b, n] = [size(probabilities, 0), size(probabilities, 2)];
  const dim = v.shape.length === 4 ? size(v, 3) : size(v, 2) / kvHeads;
  const memory = memoryValues ? size(memoryValues, 1) : 0;
  const columns = columnsOf(v);
  const out = zeros([b, n, heads * dim]);
  for (let row = 0; row < b; row++) {
    const kept = keptRow(v, positions, row);
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < n; i++) {
        for (let e = 0; e < dim; e++) {
          let total = 0;
          for (let c = 0; c < memory + columns; c++) {
            const value = c < memory && memoryValues
              ? at(memoryValues, ((head % kvHeads) * memory + c) * dim + e)
              : entry(v, kvHeads, kept, head % kvHeads, c - memory, e);
            total += at(probabilities, ((row * heads + head) * n + i) * (memory + columns) + c) * value;
          }
          out.data[(row * n + i) * heads * dim + head * dim + e] = total;
        }
      }
    }
  }
  return out;
}

/** `Backend.attention`. */
export function attention(q: Values, k: Values, v: Values, options: AttentionCase): Result {
  return attentionValues(softmax(attentionScores(q, k, options)), v, options);
}

/** `Backend.appendCache`: the cache afterwards; x [b, n, KV·d]. */
export function appendCache(cache: Values, x: Values, positions: Values, lengths?: Values): Result {
  const [, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
  const [b, n] = [size(x, 0), size(x, 1)];
  const out: Result = { shape: cache.shape, data: Float64Array.from(cache.data) };
  for (let row = 0; row < b; row++) {
    const kept = keptRow(cache, positions, row);
    for (let i = 0; i < (lengths ? at(lengths, row) : n); i++) {
      const position = firstPosition(positions, row) + i;
      if (position < 0) continue;
      const slot = position % capacity;
      for (let head = 0; head < kvHeads; head++) {
        for (let e = 0; e < dim; e++) {
          out.data[((kept * kvHeads + head) * capacity + slot) * dim + e] = entry(x, kvHeads, row, head, i, e);
        }
      }
    }
  }
  return out;
}

/** `Backend.copyCache`: the cache afterwards. */
export function copyCache(cache: Values, from: number, to: number, count: number): Result {
  const [, kvHeads = 0, capacity = 0, dim = 0] = cache.shape;
  const out: Result = { shape: cache.shape, data: Float64Array.from(cache.data) };
  for (let head = 0; head < kvHeads; head++) {
    const startOf = (row: number) => (row * kvHeads + head) * capacity * dim;
    out.data.copyWithin(startOf(to), startOf(from), startOf(from) + count * dim);
  }
  return out;
}
