/**
 * Operations that move rows about, or go along the sequence.
 *
 * @module
 */

import { type DescriptionsOf, operation } from "../description/operation.ts";
import { expectDType, expectShape, refuse } from "../description/refusals.ts";
import {
  anyTensor,
  count,
  f32,
  i32,
  int32List,
  listOf,
  MOST_SIZE,
  type Operand,
  optional,
  rows,
  whole,
} from "../description/rules.ts";
import type { Tensor } from "../memory.ts";

/** Segments of a token shift at most: each is a word of a record, and a row of a table on a GPU. */
const MOST_SHIFTS = 4096;

/**
 * What moves rows about, or goes along the sequence.
 *
 * @category Backends
 */
export interface SequenceOperations {
  /** Sets rows of x [b, n, dim] to zero where mask (int32 [b, n]) is 0. */
  maskRows(x: Tensor, mask: Tensor): Tensor;
  /**
   * Token shift: features are cut into segments and segment a is moved `shifts[a]` positions later (earlier if
   * negative), zeros moving in; features beyond the segments stay. x [b, n, dim]; `previous` [b, p, dim] are the rows
   * before x's first.
   */
  shiftTokens(x: Tensor, shifts: readonly number[], previous?: Tensor): Tensor;
  /**
   * Rows of the last dimension by index: x [..., dim] seen as rows, int32 indices [k] to [k, dim]; zeros where there is
   * no such row.
   */
  gatherRows(x: Tensor, indices: Tensor): Tensor;
  /** Joins [b or 1, n_i, dim] along the sequence, repeating those of batch 1: [b, Σ n_i, dim], f32 or i32. */
  concat(parts: readonly Tensor[]): Tensor;
  /** The same values in memory of their own; of a cache, another cache. */
  clone(x: Tensor): Tensor;
  /** Positions from ≤ i < to of x [b, n, dim], f32 or i32. */
  slice(x: Tensor, from: number, to: number): Tensor;
  /** Mean over the sequence, of every row that there is, padding too: [b, n, dim] to [b, dim]. */
  meanPool(x: Tensor): Tensor;
  /** Cuts images [b, c, h, w] into patches, row by row: [b, (h/p)·(w/p), p·p·c], channel fastest. */
  patches(images: Tensor, patchSize: number): Tensor;
}

/** What they take and give. */
export const sequence = {
  maskRows: operation({
    takes: { x: f32("...", "dim"), mask: i32("...") },
    rule: ({ x, mask }, op) => expectShape(op, "mask", mask, x.shape.slice(0, -1)),
    result: ({ x }) => x,
  }),
  shiftTokens: operation({
    takes: { x: f32("b", "n", "dim"), shifts: int32List(MOST_SHIFTS), previous: optional(f32("b", "before", "dim")) },
    rule({ x, shifts }, op) {
      if (shifts.length <= x.width) return;
      refuse(op, "x", x.shape, `at least as many features as there are shifts, ${shifts.length}`);
    },
    result: ({ x }) => x,
  }),
  gatherRows: operation({
    takes: { x: f32("...", "dim"), indices: i32("k") },
    result: ({ x, indices }) => ({ shape: [indices.size, x.width] }),
  }),
  concat: operation({
    takes: { parts: listOf("parts", "part", rows("b", "n", "dim")) },
    rule({ parts }, op) {
      const b = batchOf(parts);
      for (const [i, part] of parts.entries()) {
        const [batch, , width] = part.shape;
        const { dtype, shape: [, , dim] } = firstOf(parts);
        if (width !== dim || batch !== 1 && batch !== b) {
          refuse(op, `parts[${i}]`, part.shape, `[1 or ${b}, n, ${dim}]`);
        }
        expectDType(op, `parts[${i}]`, part, dtype);
      }
    },
    result({ parts }) {
      const { width, dtype } = firstOf(parts);
      return { shape: [batchOf(parts), parts.reduce((sum, { shape: [, n = 0] }) => sum + n, 0), width], dtype };
    },
  }),
  clone: operation({ takes: { x: anyTensor }, result: ({ x }) => x }),
  slice: operation({
    takes: { x: rows("b", "n", "dim"), from: whole(0, MOST_SIZE), to: whole(0, MOST_SIZE) },
    rule({ x, from, to }, op) {
      if (from <= to && to <= (x.shape[1] ?? 0)) return;
      refuse(op, "x", x.shape, `at least ${to} positions for 0 <= from = ${from} <= to = ${to}`);
    },
    result: ({ x, from, to }) => ({ shape: x.shape.with(1, to - from), dtype: x.dtype }),
  }),
  meanPool: operation({
    takes: { x: f32("b", "n+", "dim") },
    result: ({ x: { shape: [b = 0], width } }) => ({ shape: [b, width] }),
  }),
  patches: operation({
    takes: { images: f32("b", "channels", "patchSize*rows", "patchSize*columns"), patchSize: count("patchSize") },
    result({ images: { shape: [b = 0, channels = 0, height = 0, width = 0] }, patchSize }) {
      const patches = (height / patchSize) * (width / patchSize);
      return { shape: [b, patches, patchSize * patchSize * channels] };
    },
  }),
} satisfies DescriptionsOf<SequenceOperations>;

/** The first part; there is one. */
function firstOf(parts: readonly Operand[]): Operand {
  const [first] = parts;
  if (!first) throw new RangeError("Cannot join no parts");
  return first;
}

/** Sequences of the result. */
function batchOf(parts: readonly Operand[]): number {
  return parts.reduce((largest, { shape: [b = 0] }) => Math.max(largest, b), 0);
}
