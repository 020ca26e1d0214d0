/**
 * What each operation takes: the table of their arguments, in the words of `checks.ts`. What depends on several
 * arguments together stands beside the operation, in `engine.ts`.
 *
 * @module
 */

import type { Activation } from "../backend/operations.ts";
import {
  anyTensor,
  cache,
  count,
  describe,
  describeAll,
  f32,
  flag,
  i32,
  int32List,
  oneOf,
  type Operation,
  optional,
  real,
  rows,
  rowsOrCache,
  weight,
  whole,
} from "./checks.ts";
import { MOST_SIZE } from "./tensor.ts";

/** Every activation. */
export const ACTIVATIONS: readonly Activation[] = ["gelu", "silu", "relu", "reluSquared", "sigmoid"];

/** Segments of a token shift at most: each is a word of a record, and a row of a table on a GPU. */
const MOST_SHIFTS = 4096;
/** The highest unsigned number of 32 bits. */
const MOST_UINT32 = 2 ** 32 - 1;

const activation = oneOf(ACTIVATIONS);
const keys = rowsOrCache(["b", "m", "kvHeads*dim+"], ["b", "kvHeads", "m", "dim+"]);
const memory = f32("kvHeads", "memory", "dim");
const logits = f32("r", "numTokens+");
const draw = { seed: whole(0, MOST_UINT32), counter: whole(0, MOST_UINT32) };

/** What `attention` and `attentionScores` have in common. */
const scores = {
  kvHeads: count("kvHeads"),
  heads: count("heads", { multipleOf: "kvHeads" }),
  q: f32("b", "n", "heads*dim+"),
  k: keys,
  scale: real(),
  causal: flag,
  positions: optional(i32("b")),
  slopes: optional(f32("heads")),
  mask: optional(i32("b", "masked")),
  decay: optional(f32("dim")),
  memoryKeys: optional(memory),
};

/** Every operation. */
export const OPERATIONS = describeAll({
  embedding: { tokens: i32("..."), weight: weight("numTokens", "dim") },
  linear: {
    weight: weight("out", "in"),
    x: f32("...", "in"),
    bias: optional(f32("out")),
    activation: optional(activation),
  },
  layerNorm: {
    x: f32("...", "dim"),
    gain: optional(f32("dim")),
    gainOffset: real(),
    bias: optional(f32("dim")),
    eps: real({ from: 0 }),
  },
  l2Norm: {
    groups: count("groups"),
    x: f32("...", "groups*dim"),
    gain: optional(f32("...")),
    gainOffset: real(),
    factor: real(),
    eps: real({ from: 0 }),
  },
  reshape: { x: rows("...") },
  rotary: {
    heads: count("heads"),
    x: f32("b", "n", "heads*dim"),
    table: f32("1|b", "n", "2*pairs"),
    pairs: oneOf(["adjacent", "halves"]),
  },
  attention: { ...scores, v: keys, memoryValues: optional(memory) },
  attentionScores: scores,
  attentionValues: {
    kvHeads: count("kvHeads"),
    heads: count("heads", { multipleOf: "kvHeads" }),
    probabilities: f32("b", "heads", "n", "columns"),
    v: keys,
    memoryValues: optional(memory),
  },
  appendCache: {
    cache: cache("b", "kvHeads", "capacity", "dim"),
    x: f32("b", "n", "kvHeads*dim"),
    positions: i32("b"),
    lengths: optional(i32("b")),
  },
  activate: { x: f32("..."), activation },
  glu: { x: f32("...", "2*dim"), activation },
  add: { x: f32("..."), y: f32("..."), scale: optional(f32("dim")), factor: real() },
  multiply: {
    x: f32("...", "dim"),
    y: f32("...", "factors+"),
    activation: optional(activation),
  },
  maskRows: { x: f32("...", "dim"), mask: i32("...") },
  shiftTokens: {
    x: f32("b", "n", "dim"),
    shifts: int32List(MOST_SHIFTS),
    previous: optional(f32("b", "before", "dim")),
  },
  gatherRows: { x: f32("...", "dim"), indices: i32("k") },
  concat: { part: rows("b", "n", "dim") },
  clone: { x: anyTensor },
  slice: {
    x: rows("b", "n", "dim"),
    from: whole(0, MOST_SIZE),
    to: whole(0, MOST_SIZE),
  },
  meanPool: { x: f32("b", "n+", "dim") },
  patches: {
    patchSize: count("patchSize"),
    images: f32("b", "channels", "patchSize*rows", "patchSize*columns"),
  },
  softmax: { x: f32("...") },
  logSoftmax: { x: f32("...") },
  crossEntropy: {
    logits,
    targets: i32("r"),
    ignoreIndex: whole(-(2 ** 31), 2 ** 31 - 1),
  },
  repetitionPenalty: {
    logits,
    history: i32("r", "k"),
    penalty: real({ above: 0 }),
  },
  filterLogits: {
    logits,
    topK: optional(whole(1, Number.MAX_SAFE_INTEGER)),
    topP: optional(real({ above: 0, to: 1 })),
    minP: optional(real({ from: 0, to: 1 })),
  },
  sample: { logits, temperature: real({ from: 0, isOpen: true }), ...draw },
  acceptDraft: {
    target: f32("r", "numTokens+"),
    draft: f32("drafted", "numTokens"),
    tokens: i32("drafted"),
    temperature: real({ above: 0, isOpen: true }),
    ...draw,
  },
});

/** A filter's topA. */
export const TOP_A: Operation<"power" | "ratio"> = describe("filterLogits", {
  power: real({ from: 0 }),
  ratio: real({ from: 0, to: 1 }),
});
