/**
 * Attention, its caches and rotary positions.
 *
 * @module
 */

import { formatShape } from "../../common/shape.ts";
import { ConfigError } from "../../errors.ts";
import { type Checked, type DescriptionsOf, operation } from "../description/operation.ts";
import { expectDType, expectShape, refuse, refuseValue } from "../description/refusals.ts";
import {
  cache,
  count,
  f32,
  flag,
  i32,
  i32Either,
  MOST_SIZE,
  oneOf,
  type Operand,
  optional,
  real,
  rowsOrCache,
  whole,
} from "../description/rules.ts";
import type { Tensor } from "../memory.ts";

/** Features of a head at most: kernels keep several keys and queries beside each other in scratch memory. */
const WIDEST_HEAD = 1024;

/**
 * Options of `Backend.rotary`.
 *
 * @category Backends
 */
export interface RotaryOptions {
  /** Heads that the last dimension is cut into; each is rotated alike. */
  readonly heads: number;
  /** Pairs are adjacent features (2i, 2i + 1) or the two halves (i, i + R / 2) of the rotated dimensions. */
  readonly pairs: "adjacent" | "halves";
}

/**
 * Options of `Backend.attention`.
 *
 * @category Backends
 */
export interface AttentionOptions {
  /** Query heads H. */
  readonly heads: number;
  /** Key and value heads KV; query head h reads key head h mod KV. */
  readonly kvHeads: number;
  /** Factor on q·k. */
  readonly scale: number;
  /** A query sees no key at a later position than its own. */
  readonly causal: boolean;
  /**
   * Position of each sequence's first query: int32 [b]. Needed with caches; keys that are not cached are numbered from
   * 0. Absent: the last query is at the last key's position, query i at i + m - n.
   *
   * For caches also int32 [b, 2]: this position, and the row of the cache that the sequence has. The cache may have any
   * number of rows then; a row beyond them is taken for the nearest that there is. Results are the same to the bit as
   * with a cache of the sequence's own.
   */
  readonly positions?: Tensor | undefined;
  /** ALiBi slopes: [H], 0 for heads without; the bias is -slope·|query position - key position|. */
  readonly slopes?: Tensor | undefined;
  /**
   * Keys to keep by position: int32 [b, m], 0 hides a key. A query that sees no key at all gives zeros. For a cache m
   * may be any length, keys beyond it are kept; not with caches that have wrapped around.
   */
  readonly mask?: Tensor | undefined;
  /** Learned keys and values in front of the others, seen by every query, without position: [KV, memory, d] each. */
  readonly memoryKeys?: Tensor | undefined;
  /** See `memoryKeys`. */
  readonly memoryValues?: Tensor | undefined;
  /**
   * xPos decay over one block of 512 positions for each feature of a head: [d]. Queries and keys carry their scale
   * relative to the center of their own block of 512 positions; the query is multiplied by decay^(blocks between query
   * and key), which is negative for keys of later blocks.
   */
  readonly decay?: Tensor | undefined;
}

/**
 * Attention, its caches and rotary positions.
 *
 * @category Backends
 */
export interface AttentionOperations {
  /**
   * Rotates the first R features of each head (arXiv 2104.09864): x [b, n, heads·d], table [b or 1, n, R] holding for
   * each position R/2 cosines, then R/2 sines, both already multiplied by any xPos scale. Other features pass through.
   */
  rotary(x: Tensor, table: Tensor, options: RotaryOptions): Tensor;
  /**
   * Softmax attention in O(n) memory: q [b, n, H·d]; k and v [b, m, KV·d], or caches [b, KV, capacity, d] that hold the
   * keys of positions up to the last query's, position p in slot p mod capacity; a full cache keeps the last `capacity`
   * positions, also for the first of several queries. Both have one format. Caches of another number of rows need
   * `positions` that say which are meant. Gives [b, n, H·d].
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor;
  /**
   * The same attention's scores before the softmax, masked ones and empty slots of a cache at LOWEST: [b, H, n, memory
   * + m].
   */
  attentionScores(q: Tensor, k: Tensor, options: AttentionOptions): Tensor;
  /** The same attention's sum of values weighted by probabilities [b, H, n, memory + m]: [b, n, H·d]. */
  attentionValues(probabilities: Tensor, v: Tensor, options: AttentionOptions): Tensor;
  /**
   * Writes x [b, n, KV·d] into a cache at positions[sequence] + i, modulo its capacity, in its format; `lengths` (int32
   * [b]) leaves out what has i ≥ lengths[sequence], and negative positions are left out. Positions of int32 [b, 2] give
   * the row of each sequence too, as in `AttentionOptions`: no two sequences of a call may have the same row, because
   * either could be written last.
   */
  appendCache(cache: Tensor, x: Tensor, positions: Tensor, lengths?: Tensor): void;
  /**
   * Copies slots 0 to count - 1, of all heads, from one row of a cache to another, bit by bit, so that a sequence goes
   * on from what another one began with. From a row to itself it changes nothing.
   */
  copyCache(cache: Tensor, from: number, to: number, count: number): void;
}

const keys = rowsOrCache(["b", "m", "kvHeads*dim+"], ["?", "kvHeads", "m", "dim+"]);

/** Positions of sequences, or with each the row of a cache. */
const positions = i32Either(["b"], ["b", "2"]);

/** What the three operations of attention have in common. */
const options = {
  kvHeads: count("kvHeads"),
  heads: count("heads", { multipleOf: "kvHeads" }),
  scale: real(),
  causal: flag,
  positions: optional(positions),
  slopes: optional(f32("heads")),
  mask: optional(i32("b", "masked")),
  memoryKeys: optional(f32("kvHeads", "memory", "dim")),
  memoryValues: optional(f32("kvHeads", "memories", "dim")),
  decay: optional(f32("dim")),
};

/** What they take and give. */
export const attention = {
  rotary: operation({
    takes: { x: f32("b", "n", "heads*dim"), table: f32("1|b", "n", "2*pairs") },
    options: { heads: count("heads"), pairs: oneOf(["adjacent", "halves"]) },
    rule({ x, table, heads }, op) {
      const dim = x.width / heads;
      if (table.width > dim) refuse(op, "table", table.shape, `[..., an even number up to ${dim}]`);
    },
    result: ({ x }) => x,
  }),
  attention: operation({
    takes: { q: f32("b", "n", "heads*dim+"), k: keys, v: keys },
    options,
    rule(args, op) {
      const { k, v, memoryKeys, memoryValues } = args;
      if ((memoryKeys === undefined) !== (memoryValues === undefined)) {
        throw new ConfigError("Cannot run attention with memoryKeys or memoryValues alone: give both or neither");
      }
      if (memoryKeys && memoryValues) expectShape(op, "memoryValues", memoryValues, memoryKeys.shape);
      checkScores(args, op);
      if (k.layout !== v.layout) refuse(op, "v", v.shape, `a ${k.layout}, as k is`);
      expectDType(op, "v", v, k.dtype);
      if (v.shape[0] !== k.shape[0]) refuse(op, "v", v.shape, formatShape(v.shape.with(0, k.shape[0] ?? 0)));
    },
    result: ({ q }) => q,
    carries: ({ q, heads }) => ({ dim: q.width / heads }),
  }),
  attentionScores: operation({
    takes: { q: f32("b", "n", "heads*dim+"), k: keys },
    options,
    rule: checkScores,
    result: ({ q: { shape: [b = 0, n = 0] }, k, heads, memoryKeys }) => ({
      shape: [b, heads, n, keyCount(k) + memoryCount(memoryKeys)],
    }),
    carries: ({ q, heads }) => ({ dim: q.width / heads, memoryValues: undefined }),
  }),
  attentionValues: operation({
    takes: { probabilities: f32("b", "heads", "n", "columns"), v: keys },
    options,
    rule({ probabilities, v, heads, kvHeads, positions, memoryValues }, op) {
      checkRows(op, "v", v, probabilities, positions);
      const columns = keyCount(v) + memoryCount(memoryValues);
      if (probabilities.width !== columns) {
        refuse(op, "probabilities", probabilities.shape, `[${probabilities.shape[0]}, ${heads}, n, ${columns}]`);
      }
      checkHead(op, dimOf(v, kvHeads));
    },
    result: ({ probabilities: { shape: [b = 0, , n = 0] }, v, heads, kvHeads }) => ({
      shape: [b, n, heads * dimOf(v, kvHeads)],
    }),
    carries: ({ v, kvHeads }) => ({ dim: dimOf(v, kvHeads), memoryKeys: undefined }),
  }),
  appendCache: operation({
    takes: {
      cache: cache("rows", "kvHeads", "capacity", "dim"),
      x: f32("b", "n", "kvHeads*dim"),
      positions,
      lengths: optional(i32("b")),
    },
    rule({ cache, x, positions }, op) {
      checkRows(op, "cache", cache, x, positions);
      const [[, , capacity = 0], [b, n = 0, width]] = [cache.shape, x.shape];
      if (n > capacity) refuse(op, "x", x.shape, `[${b}, up to ${capacity}, ${width}]`);
    },
    result: () => undefined,
  }),
  copyCache: operation({
    takes: {
      cache: cache("rows", "kvHeads", "capacity", "dim"),
      from: whole(0, MOST_SIZE),
      to: whole(0, MOST_SIZE),
      count: whole(0, MOST_SIZE),
    },
    rule({ cache: { shape: [rows = 0, , capacity = 0] }, from, to, count }, op) {
      const expected = `a row of the cache, which has ${rows}`;
      if (from >= rows) refuseValue(op, "from", from, expected);
      if (to >= rows) refuseValue(op, "to", to, expected);
      if (count > capacity) refuseValue(op, "count", count, `up to the cache's capacity, ${capacity}`);
    },
    result: () => undefined,
  }),
} satisfies DescriptionsOf<AttentionOperations>;

/** Refuses what the arguments of scores can't be together. */
function checkScores(
  { q, k, heads, positions, mask }: { readonly q: Operand; readonly k: Operand } & Checked<typeof options>,
  op: string,
): void {
  checkHead(op, q.width / heads);
  checkRows(op, "k", k, q, positions);
  if (k.layout === "cache") {
    if (!positions) throw new ConfigError(`Cannot run ${op} on a cache without positions`);
  } else if (mask && mask.shape[1] !== k.shape[1]) {
    refuse(op, "mask", mask.shape, `[${mask.shape[0]}, ${k.shape[1]}]`);
  }
}

/** Refuses a cache that has not one row for each sequence of `x`, unless positions say which they have. */
function checkRows(op: string, name: string, kept: Operand, x: Operand, positions: Operand | undefined): void {
  const [[rows = 0, ...rest], [b = 0]] = [kept.shape, x.shape];
  if (positions?.shape.length !== 2) {
    if (rows !== b) refuse(op, name, kept.shape, formatShape([b, ...rest]));
  } else if (kept.layout !== "cache") {
    refuse(op, "positions", positions.shape, `[${b}], because ${name} is not a cache`);
  } else if (rows === 0 && b > 0) {
    refuse(op, name, kept.shape, "at least one row");
  }
}

/** @throws {ConfigError} For heads that are too wide. */
function checkHead(op: string, dim: number): void {
  if (dim <= WIDEST_HEAD) return;
  throw new ConfigError(
    `Cannot run ${op} with heads of ${dim} features: expected up to ${WIDEST_HEAD}; use more heads that are narrower`,
  );
}

/** Width of a head of values. */
function dimOf(v: Operand, kvHeads: number): number {
  return v.layout === "cache" ? v.width : v.width / kvHeads;
}

/** Keys of a row: m of [b, m, features], capacity of a cache. */
function keyCount(k: Operand): number {
  return (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0;
}

function memoryCount(memory: Operand | undefined): number {
  return memory?.shape[1] ?? 0;
}
