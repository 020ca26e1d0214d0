/**
 * Random calls of every operation, with what their oracles say of them. The self-test runs one of each; tests run many,
 * in memory that others have used, and with wrong arguments.
 *
 * @module
 */

import { ACTIVATIONS } from "../../backend/operations.ts";
import { CACHE_FORMATS, WEIGHT_FORMATS } from "../../formats/formats.ts";
import { activate, glu } from "../reference/activation.ts";
import * as attention from "../reference/attention.ts";
import { add, maskRows, multiply } from "../reference/elementwise.ts";
import { embedding, linear } from "../reference/linear.ts";
import { l2Norm, layerNorm } from "../reference/norm.ts";
import type { HostValues } from "../reference/random_values.ts";
import { rotary } from "../reference/rotary.ts";
import * as sampling from "../reference/sampling.ts";
import * as sequence from "../reference/sequence.ts";
import { crossEntropy, logSoftmax, softmax } from "../reference/softmax.ts";
import {
  type Argument,
  type Call,
  call,
  type CallName,
  type Draw,
  each,
  LENGTHS,
  optional,
  options,
  plain,
  plains,
  type ValuesOf,
} from "./call.ts";

/** Draws a call of any operation: of those with the most forms of kernels more often. */
export function drawCall(draw: Draw): Call {
  const often = [CALLS.attention, CALLS.linear];
  return draw.pick(draw.once(3) ? often : Object.values(CALLS))(draw);
}

/** How each operation is called. */
export const CALLS: { readonly [Op in CallName]: (draw: Draw) => Call } = {
  embedding(draw) {
    const [numTokens, dim] = [draw.integer(1, 40), draw.width];
    const tokens = draw.ids(draw.once(2) ? [draw.length] : [draw.batch, draw.length], 0, numTokens - 1);
    const weight = drawWeight(draw, numTokens, dim);
    return call("embedding", [tokens, weight], (of) => embedding(of(tokens), of(weight)), 0);
  },
  linear(draw) {
    const [out, inSize] = [draw.width, draw.width];
    const [x, weight] = [
      draw.floats(draw.batch, draw.pick([...LENGTHS, 20, 40]), inSize),
      drawWeight(draw, out, inSize),
    ];
    const bias = draw.maybe(() => draw.floats(out));
    const activation = draw.once(2) ? draw.pick(ACTIVATIONS) : undefined;
    const expected = (of: ValuesOf) => linear(of(x), of(weight), { bias: optional(of, bias), activation });
    // Inputs are rounded to 16 bits where the weight is quantized.
    const tolerance = weight.format === "f32" || weight.format === "f16" ? 1e-5 : 2e-3;
    return call("linear", [x, weight, options({ bias, activation: plain(activation) })], expected, tolerance);
  },
  layerNorm(draw) {
    const [dim, gainOffset] = [draw.width, draw.integer(0, 1)];
    const x = draw.floats(draw.batch, draw.length, dim);
    const [gain, bias] = [draw.maybe(() => draw.floats(dim)), draw.maybe(() => draw.floats(dim))];
    const expected = (of: ValuesOf) =>
      layerNorm(of(x), { gain: optional(of, gain), bias: optional(of, bias), gainOffset });
    return call("layerNorm", [x, options({ gain, bias, gainOffset: plain(gainOffset) })], expected, 2e-5);
  },
  l2Norm(draw) {
    const [groups, dim] = [draw.integer(1, 5), draw.width];
    const x = draw.floats(draw.batch, draw.length, groups * dim);
    const gain = draw.maybe(() => draw.floats(draw.pick([1, dim, groups * dim])));
    const squareEps = draw.pick([0, 1e-6, 2]);
    const expected = (of: ValuesOf) => l2Norm(of(x), { groups, gain: optional(of, gain), factor: 3, squareEps });
    const given = options({ groups: plain(groups), gain, factor: plain(3), squareEps: plain(squareEps) });
    return call("l2Norm", [x, given], expected, 1e-5);
  },
  reshape(draw) {
    const [a, b, c] = [draw.length, draw.width, draw.integer(1, 4)];
    const x = draw.floats(a, b, c);
    const shape = draw.pick([[a * b, c], [c, b, a], [a * b * c], [1, a, b * c]]);
    return call("reshape", [x, plain(shape)], (of) => ({ shape, data: of(x).data }), 0);
  },
  rotary(draw) {
    const [b, n, heads, dim] = [draw.batch, draw.length, draw.integer(1, 4), draw.width];
    const [x, rotated] = [draw.floats(b, n, heads * dim), 2 * draw.integer(0, Math.floor(dim / 2))];
    const table = draw.floats(draw.pick([1, b]), n, rotated);
    const pairs = draw.pick(["adjacent", "halves"] as const);
    const expected = (of: ValuesOf) => rotary(of(x), of(table), heads, pairs);
    return call("rotary", [x, table, options({ heads: plain(heads), pairs: plain(pairs) })], expected, 1e-6);
  },
  attention(draw) {
    const { q, k, v, tensors, settings } = drawAttention(draw);
    const expected = (of: ValuesOf) => attention.attention(of(q), of(k), of(v), { ...settings, ...each(of, tensors) });
    return call("attention", [q, k, v, options({ ...tensors, ...plains(settings) })], expected, 1e-4);
  },
  attentionScores(draw) {
    const { q, k, tensors: { memoryValues: _, ...tensors }, settings } = drawAttention(draw);
    const expected = (of: ValuesOf) => attention.attentionScores(of(q), of(k), { ...settings, ...each(of, tensors) });
    return call("attentionScores", [q, k, options({ ...tensors, ...plains(settings) })], expected, 1e-4);
  },
  attentionValues(draw) {
    const { b, heads, kvHeads, n, columns, v, tensors: { positions, memoryValues } } = drawAttention(draw);
    const probabilities = draw.floats(b, heads, n, columns);
    const [settings, tensors] = [{ heads, kvHeads, scale: 1, causal: false }, { positions, memoryValues }];
    const expected = (of: ValuesOf) =>
      attention.attentionValues(of(probabilities), of(v), { ...settings, ...each(of, tensors) });
    const given = options({ ...plains(settings), ...tensors });
    return call("attentionValues", [probabilities, v, given], expected, 1e-4);
  },
  appendCache(draw) {
    const { b, kvHeads, capacity, cache, dim, drawPositions } = drawCache(draw);
    const n = draw.integer(0, capacity);
    // A row's values reach into every format unrounded, so that its oracle need not know them.
    const x: Argument = { kind: "rows", values: nearOne(draw, [b, n, kvHeads * dim]) };
    const positions = drawPositions(3 * capacity);
    const lengths = draw.maybe(() => draw.ids([b], 0, n));
    const expected = (of: ValuesOf) => attention.appendCache(of(cache), of(x), of(positions), optional(of, lengths));
    return { ...call("appendCache", [cache, x, positions, lengths], expected, 0.02), changes: 0 };
  },
  copyCache(draw) {
    const { rows, capacity, cache } = drawCache(draw, draw.integer(1, 3));
    const [from, to, count] = [draw.integer(0, rows - 1), draw.integer(0, rows - 1), draw.integer(0, capacity)];
    const expected = (of: ValuesOf) => attention.copyCache(of(cache), from, to, count);
    return { ...call("copyCache", [cache, plain(from), plain(to), plain(count)], expected, 0), changes: 0 };
  },
  activate(draw) {
    const [x, name] = [draw.floats(draw.length, draw.width), draw.pick(ACTIVATIONS)];
    return call("activate", [x, plain(name)], (of) => activate(of(x), name), 2e-6);
  },
  glu(draw) {
    const [x, name] = [draw.floats(draw.batch, draw.length, 2 * draw.width), draw.pick(ACTIVATIONS)];
    return call("glu", [x, plain(name)], (of) => glu(of(x), name), 4e-6);
  },
  add(draw) {
    const [b, n, dim, factor] = [draw.batch, draw.length, draw.width, draw.pick([1, -1, 0.5])];
    const [x, y] = [
      draw.floats(b, n, dim),
      draw.pick([draw.floats(b, n, dim), draw.floats(1, dim), draw.floats(n, dim)]),
    ];
    const scale = draw.maybe(() => draw.floats(dim));
    const expected = (of: ValuesOf) => add(of(x), of(y), { scale: optional(of, scale), factor });
    return call("add", [x, y, options({ scale, factor: plain(factor) })], expected, 1e-6);
  },
  multiply(draw) {
    const [b, n, heads, dim] = [draw.batch, draw.length, draw.integer(1, 5), draw.width];
    const activation = draw.once(2) ? draw.pick(ACTIVATIONS) : undefined;
    const x = draw.floats(b, n, heads * dim);
    const y = draw.pick([draw.floats(b, n, heads * dim), draw.floats(b, n, heads), draw.floats(heads)]);
    const expected = (of: ValuesOf) => multiply(of(x), of(y), activation);
    return call("multiply", [x, y, options({ activation: plain(activation) })], expected, 4e-6);
  },
  maskRows(draw) {
    const [b, n] = [draw.batch, draw.length];
    const [x, mask] = [draw.floats(b, n, draw.width), draw.ids([b, n], 0, 1)];
    return call("maskRows", [x, mask], (of) => maskRows(of(x), of(mask)), 0);
  },
  shiftTokens(draw) {
    const [b, n, dim] = [draw.batch, draw.length, draw.width];
    const shifts = Array.from({ length: draw.integer(1, Math.min(dim, 6)) }, () => draw.integer(-3, 5));
    const [x, previous] = [draw.floats(b, n, dim), draw.maybe(() => draw.floats(b, draw.integer(0, 4), dim))];
    const expected = (of: ValuesOf) => sequence.shiftTokens(of(x), shifts, optional(of, previous));
    return call("shiftTokens", [x, plain(shifts), previous], expected, 0);
  },
  gatherRows(draw) {
    const rows = draw.integer(1, 20);
    const [x, indices] = [draw.floats(rows, draw.width), draw.ids([draw.length], 0, rows - 1)];
    return call("gatherRows", [x, indices], (of) => sequence.gatherRows(of(x), of(indices)), 0);
  },
  concat(draw) {
    const [b, dim, isFloat] = [draw.integer(1, 3), draw.width, draw.once(2)];
    const parts = Array.from({ length: draw.integer(1, 4) }, () => {
      const shape = [draw.pick([1, b]), draw.length, dim];
      return isFloat ? draw.floats(...shape) : draw.ids(shape, -9, 2 ** 30);
    });
    return call("concat", [{ kind: "parts", parts }], (of) => sequence.concat(parts.map(of)), 0);
  },
  clone(draw) {
    const x = draw.pick([
      () => draw.floats(draw.length, draw.width),
      () => drawWeight(draw, draw.width, draw.width),
      () => drawCache(draw).cache,
    ])();
    return call("clone", [x], (of) => of(x), 0);
  },
  slice(draw) {
    const [b, n, dim] = [draw.batch, draw.length, draw.width];
    const from = draw.integer(0, n);
    const [x, to] = [draw.floats(b, n, dim), draw.integer(from, n)];
    return call("slice", [x, plain(from), plain(to)], (of) => sequence.slice(of(x), from, to), 0);
  },
  meanPool(draw) {
    const x = draw.floats(draw.batch, draw.integer(1, 40), draw.width);
    return call("meanPool", [x], (of) => sequence.meanPool(of(x)), 1e-5);
  },
  patches(draw) {
    const p = draw.integer(1, 4);
    const images = draw.floats(draw.batch, draw.integer(1, 4), p * draw.integer(0, 4), p * draw.integer(1, 4));
    return call("patches", [images, plain(p)], (of) => sequence.patches(of(images), p), 0);
  },
  softmax(draw) {
    const x = draw.logits(draw.length, draw.width);
    return call("softmax", [x], (of) => softmax(of(x)), 1e-6);
  },
  logSoftmax(draw) {
    const x = draw.logits(draw.length, draw.width);
    return call("logSoftmax", [x], (of) => logSoftmax(of(x)), 1e-5);
  },
  crossEntropy(draw) {
    const [r, width] = [draw.length, draw.width];
    const [logits, targets] = [draw.floats(r, width), draw.ids([r], -1, width - 1)];
    const expected = (of: ValuesOf) => crossEntropy(of(logits), of(targets), -1);
    return call("crossEntropy", [logits, targets, plain(-1)], expected, 1e-5);
  },
  repetitionPenalty(draw) {
    const [r, width, penalty] = [draw.length, draw.width, draw.pick([0.5, 1, 1.2, 3])];
    const [logits, history] = [draw.logits(r, width), draw.ids([r, draw.length], -1, width - 1)];
    const expected = (of: ValuesOf) => sampling.repetitionPenalty(of(logits), of(history), penalty);
    return call("repetitionPenalty", [logits, history, plain(penalty)], expected, 1e-6);
  },
  filterLogits(draw) {
    const logits = draw.floats(draw.length, draw.width);
    const topK = draw.integer(1, 40);
    return call(
      "filterLogits",
      [logits, options({ topK: plain(topK) })],
      (of) => sampling.filterLogits(of(logits), { topK }),
      0,
    );
  },
  sample(draw) {
    const settings = {
      temperature: draw.pick([0, 0.5, 1, 2]),
      seed: draw.integer(0, 2 ** 31),
      counter: draw.integer(0, 99),
    };
    const logits = draw.logits(draw.length, draw.width);
    const expected = (of: ValuesOf) => sampling.sample(of(logits), settings);
    return call("sample", [logits, options(plains(settings))], expected, 0);
  },
  acceptDraft(draw) {
    const [g, width] = [draw.integer(0, 4), draw.width];
    const settings = { temperature: 1, seed: draw.integer(0, 2 ** 31), counter: draw.integer(0, 99) };
    const [target, draft] = [draw.floats(g + 1, width), draw.floats(g, width)];
    const tokens = draw.ids([g], 0, width - 1);
    const expected = (of: ValuesOf) => sampling.acceptDraft(of(target), of(draft), of(tokens), settings);
    return call("acceptDraft", [target, draft, tokens, options(plains(settings))], expected, 0);
  },
};

function drawWeight(draw: Draw, out: number, inSize: number): Extract<Argument, { kind: "weight" }> {
  const format = draw.pick(WEIGHT_FORMATS);
  return { kind: "weight", values: draw.normal([out, inSize]), format };
}

/** Values that every format keeps to 1 %: of one sign and near to each other. */
function nearOne(draw: Draw, shape: readonly number[]): HostValues & { data: Float32Array } {
  const values = draw.normal(shape);
  return { shape, data: values.data.map((value) => 1 + Math.abs(value) / 4) };
}

/** A cache of `b` sequences, which have all of its rows in their order or some of them in any. */
function drawCache(draw: Draw, b = draw.batch) {
  const format = draw.pick(CACHE_FORMATS);
  const [kvHeads, capacity] = [draw.integer(1, 3), draw.integer(1, 40)];
  const dim = format === "q8_0" ? 32 * draw.integer(1, 3) : format === "f16" ? 4 * draw.integer(1, 20) : draw.width;
  const order = draw.once(2) ? draw.order(b + draw.integer(0, 3)) : undefined;
  const shape = [order?.length ?? b, kvHeads, capacity, dim];
  const drawValues = (): Argument => ({ kind: "cache", values: nearOne(draw, shape), format });
  /** Positions from 0 on, with rows if these are not the sequences' own. */
  const drawPositions = (most: number): Argument => {
    const { data } = draw.integers([b], 0, most);
    if (!order) return { kind: "rows", values: { shape: [b], data } };
    const pairs = Int32Array.from(Array.from(data).flatMap((position, i) => [position, order[i] ?? 0]));
    return { kind: "rows", values: { shape: [b, 2], data: pairs } };
  };
  return { b, kvHeads, capacity, dim, rows: order?.length ?? b, cache: drawValues(), drawValues, drawPositions };
}

/** What the three attention operations have in common. */
function drawAttention(draw: Draw) {
  const isCached = draw.once(2);
  const kept = drawCache(draw);
  const { b, kvHeads, dim, drawValues, drawPositions } = kept;
  const heads = kvHeads * draw.pick([1, 1, 2, 3, 4]);
  const n = draw.pick([1, 1, 2, 3, 5, 8, 16, 17]);
  const m = isCached ? kept.capacity : draw.pick([1, 2, 3, 8, 17, 40, 65, 130]);
  const q = draw.floats(b, n, heads * dim);
  const [k, v] = isCached
    ? [kept.cache, drawValues()]
    : [draw.floats(b, m, kvHeads * dim), draw.floats(b, m, kvHeads * dim)];
  const memory = draw.once(3) ? draw.integer(1, 5) : 0;
  const tensors = {
    positions: isCached ? drawPositions(2 * m) : draw.maybe(() => draw.ids([b], 0, m)),
    slopes: draw.maybe(() => draw.floats(heads)),
    mask: isCached ? plain(undefined) : draw.maybe(() => draw.ids([b, m], 0, 1)),
    decay: draw.once(3) ? { kind: "rows", values: nearOne(draw, [dim]) } as Argument : plain(undefined),
    memoryKeys: memory ? draw.floats(kvHeads, memory, dim) : plain(undefined),
    memoryValues: memory ? draw.floats(kvHeads, memory, dim) : plain(undefined),
  };
  const settings = { heads, kvHeads, scale: dim ** -0.5, causal: draw.once(2) };
  return { b, heads, kvHeads, n, columns: memory + m, q, k, v, tensors, settings };
}
