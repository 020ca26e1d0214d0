/**
 * The operations as every engine offers them: each checks its arguments, allocates its result and records one command.
 * Engines differ in how they allocate and run, never in what they accept.
 *
 * @module
 */
import {
  type Activation,
  type AttentionOptions,
  type Backend,
  ConfigError,
  type L2NormOptions,
  type LayerNormOptions,
  type LinearOptions,
  type LogitsFilter,
  type RotaryOptions,
  type SampleOptions,
  type Tensor,
} from "../backend.ts";
import { checkAttention, checkFilter, expectDType, expectShape, refuse } from "./checks.ts";
import { Ownership } from "./ownership.ts";
import { type EngineTensor, type Owner, sameShape, sizeOf, type Storage } from "./tensor.ts";

/** An engine: what an implementation adds is memory and a way to run commands. */
export abstract class Engine<S extends Storage> extends Ownership<S> implements Backend, Owner<S> {
  protected readonly owner: Owner<S> = this;

  embedding(tokens: Tensor, weight: Tensor): Tensor {
    const [ids, table] = [this.own(tokens), this.own(weight)];
    expectDType("embedding", "tokens", ids, "i32");
    if (table.layout !== "weight") refuse("embedding", "weight", table.shape, "a weight [numTokens, dim]");
    const out = this.create([...ids.shape, table.width]);
    this.record({ op: "embedding", tokens: ids, weight: table, out });
    return out;
  }

  linear(x: Tensor, weight: Tensor, options: LinearOptions = {}): Tensor {
    const [input, matrix, bias] = [this.#values("linear", "x", x), this.own(weight), this.#maybe(options.bias)];
    if (matrix.layout !== "weight") refuse("linear", "weight", matrix.shape, "a weight [out, in]");
    const [outSize, inSize] = [matrix.rows, matrix.width];
    if (input.shape.length === 0 || input.width !== inSize) refuse("linear", "x", input.shape, `[..., ${inSize}]`);
    if (bias) expectShape("linear", "bias", bias, [outSize]);
    const out = this.create([...input.shape.slice(0, -1), outSize]);
    this.record({ op: "linear", x: input, weight: matrix, bias, activation: options.activation, out });
    return out;
  }

  layerNorm(x: Tensor, options: LayerNormOptions = {}): Tensor {
    const input = this.#values("layerNorm", "x", x);
    const [gain, bias] = [this.#maybe(options.gain), this.#maybe(options.bias)];
    if (gain) expectShape("layerNorm", "gain", gain, [input.width]);
    if (bias) expectShape("layerNorm", "bias", bias, [input.width]);
    const out = this.create(input.shape);
    const { gainOffset = 0, eps = 1e-5 } = options;
    this.record({ op: "layerNorm", x: input, gain, gainOffset, bias, eps, out });
    return out;
  }

  l2Norm(x: Tensor, options: L2NormOptions = {}): Tensor {
    const { groups = 1, gainOffset = 0, factor = 1, eps = 1e-12 } = options;
    const [input, gain] = [this.#values("l2Norm", "x", x), this.#maybe(options.gain)];
    if (input.width % groups !== 0) {
      refuse("l2Norm", "x", input.shape, `a last dimension divisible by groups = ${groups}`);
    }
    if (gain && ![1, input.width / groups, input.width].includes(gain.size)) {
      refuse("l2Norm", "gain", gain.shape, `[1], [${input.width / groups}] or [${input.width}]`);
    }
    const out = this.create(input.shape);
    this.record({ op: "l2Norm", x: input, groups, gain, gainOffset, factor, eps, out });
    return out;
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const input = this.own(x);
    if (input.layout !== "rows" || input.size !== sizeOf(shape)) {
      refuse("reshape", "x", input.shape, `${sizeOf(shape)} values in rows`);
    }
    return this.view(input, shape);
  }

  rotary(x: Tensor, table: Tensor, options: RotaryOptions): Tensor {
    const [input, angles] = [this.#values("rotary", "x", x), this.#values("rotary", "table", table)];
    const [b, n, width] = this.#sequence("rotary", "x", input);
    const dim = width / options.heads;
    const [tableBatch, tableLength, rotated] = this.#sequence("rotary", "table", angles);
    const fits = tableLength === n && (tableBatch === 1 || tableBatch === b) && rotated % 2 === 0 && rotated <= dim;
    if (!Number.isInteger(dim) || !fits) {
      refuse("rotary", "table", angles.shape, `[1 or ${b}, ${n}, an even number up to ${dim}] for x of ${b} × ${n}`);
    }
    const out = this.create(input.shape);
    this.record({ op: "rotary", x: input, table: angles, heads: options.heads, pairs: options.pairs, out });
    return out;
  }

  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const [queries, keys, values] = [this.#values("attention", "q", q), this.own(k), this.own(v)];
    const common = checkAttention("attention", queries, keys, this.#attentionTensors(options));
    if (!sameShape(keys.shape, values.shape) || keys.layout !== values.layout) {
      refuse("attention", "v", values.shape, `the shape of k, [${keys.shape}]`);
    }
    expectDType("attention", "v", values, keys.dtype);
    const out = this.create(queries.shape);
    this.record({ ...common, op: "attention", q: queries, k: keys, v: values, out });
    return out;
  }

  attentionScores(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
    const [queries, keys] = [this.#values("attentionScores", "q", q), this.own(k)];
    const common = checkAttention("attentionScores", queries, keys, this.#attentionTensors(options));
    const [b, n] = this.#sequence("attentionScores", "q", queries);
    const columns = keyCount(keys) + memoryCount(common.memoryKeys);
    const out = this.create([b, options.heads, n, columns]);
    this.record({ ...common, op: "attentionScores", q: queries, k: keys, out });
    return out;
  }

  attentionValues(probabilities: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const [weights, values] = [this.#values("attentionValues", "probabilities", probabilities), this.own(v)];
    const [b = 0, heads = 0, n = 0, columns = 0] = weights.shape;
    const tensors = this.#attentionTensors(options);
    const expected = keyCount(values) + memoryCount(tensors.memoryValues);
    if (weights.shape.length !== 4 || heads !== options.heads || columns !== expected) {
      refuse("attentionValues", "probabilities", weights.shape, `[b, ${options.heads}, n, ${expected}]`);
    }
    const dim = values.layout === "cache" ? values.width : values.width / options.kvHeads;
    const out = this.create([b, n, heads * dim]);
    this.record({ ...tensors, dim, op: "attentionValues", probabilities: weights, v: values, out });
    return out;
  }

  appendCache(cache: Tensor, x: Tensor, positions: Tensor, lengths?: Tensor): void {
    const [target, input, starts] = [this.own(cache), this.#values("appendCache", "x", x), this.own(positions)];
    const [b = 0, kvHeads = 0, capacity = 0, dim = 0] = target.shape;
    if (target.layout !== "cache") refuse("appendCache", "cache", target.shape, "a cache [b, kvHeads, capacity, d]");
    const [batch, n, width] = this.#sequence("appendCache", "x", input);
    if (batch !== b || width !== kvHeads * dim || n > capacity) {
      refuse("appendCache", "x", input.shape, `[${b}, up to ${capacity}, ${kvHeads * dim}]`);
    }
    const counts = this.#maybe(lengths);
    for (const [name, tensor] of [["positions", starts], ["lengths", counts]] as const) {
      if (!tensor) continue;
      expectDType("appendCache", name, tensor, "i32");
      expectShape("appendCache", name, tensor, [b]);
    }
    this.record({ op: "appendCache", cache: target, x: input, positions: starts, lengths: counts });
  }

  activate(x: Tensor, activation: Activation): Tensor {
    const input = this.#values("activate", "x", x);
    const out = this.create(input.shape);
    this.record({ op: "activate", x: input, activation, out });
    return out;
  }

  glu(x: Tensor, activation: Activation): Tensor {
    const input = this.#values("glu", "x", x);
    if (input.width % 2 !== 0) refuse("glu", "x", input.shape, "an even last dimension");
    const out = this.create([...input.shape.slice(0, -1), input.width / 2]);
    this.record({ op: "glu", x: input, activation, out });
    return out;
  }

  add(
    x: Tensor,
    y: Tensor,
    options: { readonly scale?: Tensor | undefined; readonly factor?: number | undefined } = {},
  ): Tensor {
    const [a, b, scale] = [this.#values("add", "x", x), this.#values("add", "y", y), this.#maybe(options.scale)];
    const repeats = b.width === a.width && (b.rows === 1 || b.rows === a.rows || b.rows === a.shape.at(-2));
    if (!sameShape(a.shape, b.shape) && !repeats) {
      refuse("add", "y", b.shape, `[${a.shape}], or rows of ${a.width} that repeat over it`);
    }
    if (scale) expectShape("add", "scale", scale, [a.width]);
    const out = this.create(a.shape);
    this.record({ op: "add", x: a, y: b, scale, factor: options.factor ?? 1, out });
    return out;
  }

  multiply(x: Tensor, y: Tensor, options: { readonly activation?: Activation | undefined } = {}): Tensor {
    const [a, b] = [this.#values("multiply", "x", x), this.#values("multiply", "y", y)];
    const factors = b.width;
    if (factors === 0 || a.width % factors !== 0 || (b.rows !== a.rows && b.shape.length !== 1)) {
      refuse("multiply", "y", b.shape, `[..., width or heads] or [heads] for x of shape [${a.shape}]`);
    }
    const out = this.create(a.shape);
    this.record({ op: "multiply", x: a, y: b, factors, activation: options.activation, out });
    return out;
  }

  maskRows(x: Tensor, mask: Tensor): Tensor {
    const [input, keep] = [this.#values("maskRows", "x", x), this.own(mask)];
    expectDType("maskRows", "mask", keep, "i32");
    expectShape("maskRows", "mask", keep, input.shape.slice(0, -1));
    const out = this.create(input.shape);
    this.record({ op: "maskRows", x: input, mask: keep, out });
    return out;
  }

  shiftTokens(x: Tensor, shifts: readonly number[], previous?: Tensor): Tensor {
    const [input, before] = [this.#values("shiftTokens", "x", x), this.#maybe(previous)];
    const [b, , width] = this.#sequence("shiftTokens", "x", input);
    if (shifts.length === 0 || shifts.length > width || !shifts.every(Number.isInteger)) {
      throw new ConfigError(`Cannot shift ${width} features by [${shifts}]: give 1 to ${width} whole numbers`);
    }
    if (before) {
      const [batch, , features] = this.#sequence("shiftTokens", "previous", before);
      if (batch !== b || features !== width) refuse("shiftTokens", "previous", before.shape, `[${b}, p, ${width}]`);
    }
    const out = this.create(input.shape);
    this.record({ op: "shiftTokens", x: input, shifts: [...shifts], previous: before, out });
    return out;
  }

  gatherRows(x: Tensor, indices: Tensor): Tensor {
    const [input, rows] = [this.#values("gatherRows", "x", x), this.own(indices)];
    expectDType("gatherRows", "indices", rows, "i32");
    expectShape("gatherRows", "indices", rows, [rows.size]);
    const out = this.create([rows.size, input.width]);
    this.record({ op: "gatherRows", x: input, indices: rows, out });
    return out;
  }

  concat(parts: readonly Tensor[]): Tensor {
    const inputs = parts.map((part) => this.own(part));
    const shapes = inputs.map((part, i) => this.#sequence("concat", `parts[${i}]`, part));
    const b = Math.max(...shapes.map(([batch]) => batch));
    const width = inputs[0]?.width ?? 0;
    for (const [i, part] of inputs.entries()) {
      const batch = part.shape[0];
      expectDType("concat", `parts[${i}]`, part, inputs[0]?.dtype ?? "f32");
      if (part.layout !== "rows" || part.width !== width || (batch !== 1 && batch !== b)) {
        refuse("concat", `parts[${i}]`, part.shape, `[1 or ${b}, n, ${width}]`);
      }
    }
    const out = this.create([b, shapes.reduce((sum, [, n]) => sum + n, 0), width], inputs[0]?.dtype);
    this.record({ op: "concat", parts: inputs, out });
    return out;
  }

  clone(x: Tensor): Tensor {
    const input = this.own(x);
    const out = this.create(input.shape, input.dtype, input.layout);
    this.record({ op: "clone", x: input, out });
    return out;
  }

  slice(x: Tensor, from: number, to: number): Tensor {
    const input = this.own(x);
    if (input.layout !== "rows") refuse("slice", "x", input.shape, `values in rows, not a ${input.layout}`);
    const [b, n, width] = this.#sequence("slice", "x", input);
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > n) {
      refuse("slice", "x", input.shape, `at least ${to} positions for 0 <= from = ${from} <= to = ${to}`);
    }
    const out = this.create([b, to - from, width], input.dtype);
    this.record({ op: "slice", x: input, from, out });
    return out;
  }

  meanPool(x: Tensor): Tensor {
    const input = this.#values("meanPool", "x", x);
    const [b, n, width] = this.#sequence("meanPool", "x", input);
    if (n === 0) refuse("meanPool", "x", input.shape, "at least one position to take the mean of");
    const out = this.create([b, width]);
    this.record({ op: "meanPool", x: input, out });
    return out;
  }

  patches(images: Tensor, patchSize: number): Tensor {
    const input = this.#values("patches", "images", images);
    const [b = 0, c = 0, h = 0, w = 0] = input.shape;
    if (input.shape.length !== 4 || h % patchSize !== 0 || w % patchSize !== 0) {
      refuse("patches", "images", input.shape, `[b, c, h, w] with h and w divisible by patchSize = ${patchSize}`);
    }
    const out = this.create([b, (h / patchSize) * (w / patchSize), patchSize * patchSize * c]);
    this.record({ op: "patches", images: input, patchSize, out });
    return out;
  }

  softmax(x: Tensor): Tensor {
    const input = this.#values("softmax", "x", x);
    const out = this.create(input.shape);
    this.record({ op: "softmax", x: input, out });
    return out;
  }

  logSoftmax(x: Tensor): Tensor {
    const input = this.#values("logSoftmax", "x", x);
    const out = this.create(input.shape);
    this.record({ op: "logSoftmax", x: input, out });
    return out;
  }

  crossEntropy(logits: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
    const [input, ids] = [this.#logits("crossEntropy", "logits", logits), this.own(targets)];
    expectDType("crossEntropy", "targets", ids, "i32");
    expectShape("crossEntropy", "targets", ids, [input.rows]);
    const out = this.create([]);
    this.record({ op: "crossEntropy", logits: input, targets: ids, ignoreIndex, out });
    return out;
  }

  repetitionPenalty(logits: Tensor, history: Tensor, penalty: number): Tensor {
    const [input, past] = [this.#logits("repetitionPenalty", "logits", logits), this.own(history)];
    expectDType("repetitionPenalty", "history", past, "i32");
    if (past.shape.length !== 2 || past.shape[0] !== input.rows) {
      refuse("repetitionPenalty", "history", past.shape, `[${input.rows}, k]`);
    }
    if (!(penalty > 0)) throw new ConfigError(`Cannot use a repetition penalty of ${penalty}: it must be > 0`);
    const out = this.create(input.shape);
    this.record({ op: "repetitionPenalty", logits: input, history: past, penalty, out });
    return out;
  }

  filterLogits(logits: Tensor, filter: LogitsFilter): Tensor {
    const input = this.#logits("filterLogits", "logits", logits);
    checkFilter(filter);
    const out = this.create(input.shape);
    this.record({ op: "filterLogits", logits: input, filter, out });
    return out;
  }

  sample(logits: Tensor, options: SampleOptions): Tensor {
    const input = this.#logits("sample", "logits", logits);
    const { temperature, seed, counter } = options;
    if (!(temperature >= 0)) throw new ConfigError(`Cannot sample at temperature ${temperature}: it must be >= 0`);
    const out = this.create([input.rows], "i32");
    this.record({ op: "sample", logits: input, temperature, seed, counter, out });
    return out;
  }

  acceptDraft(target: Tensor, draft: Tensor, tokens: Tensor, options: SampleOptions): Tensor {
    const [wanted, guessed] = [
      this.#logits("acceptDraft", "target", target),
      this.#logits("acceptDraft", "draft", draft),
    ];
    const ids = this.own(tokens);
    expectShape("acceptDraft", "target", wanted, [guessed.rows + 1, guessed.width]);
    expectDType("acceptDraft", "tokens", ids, "i32");
    expectShape("acceptDraft", "tokens", ids, [guessed.rows]);
    const { temperature, seed, counter } = options;
    if (!(temperature > 0)) {
      throw new ConfigError(`Cannot accept a draft at temperature ${temperature}: it must be > 0`);
    }
    const out = this.create([2], "i32");
    this.record({ op: "acceptDraft", target: wanted, draft: guessed, tokens: ids, temperature, seed, counter, out });
    return out;
  }

  #maybe(tensor: Tensor | undefined): EngineTensor<S> | undefined {
    return tensor && this.own(tensor);
  }

  /** A float tensor in rows. */
  #values(op: string, name: string, tensor: Tensor): EngineTensor<S> {
    const own = this.own(tensor);
    expectDType(op, name, own, "f32");
    if (own.layout !== "rows") refuse(op, name, own.shape, `values in rows, not a ${own.layout}`);
    return own;
  }

  /** A float tensor [r, V] with V > 0. */
  #logits(op: string, name: string, tensor: Tensor): EngineTensor<S> {
    const own = this.#values(op, name, tensor);
    if (own.shape.length !== 2 || own.width === 0) refuse(op, name, own.shape, "[rows, numTokens]");
    return own;
  }

  /** The sizes of a tensor [b, n, features]. */
  #sequence(op: string, name: string, x: EngineTensor<S>): [b: number, n: number, features: number] {
    const [b = 0, n = 0, features = 0] = x.shape;
    if (x.shape.length !== 3) refuse(op, name, x.shape, "[b, n, features]");
    return [b, n, features];
  }

  #attentionTensors(options: AttentionOptions) {
    const { heads, kvHeads, scale, causal } = options;
    return {
      heads,
      kvHeads,
      scale,
      causal,
      positions: this.#maybe(options.positions),
      slopes: this.#maybe(options.slopes),
      mask: this.#maybe(options.mask),
      memoryKeys: this.#maybe(options.memoryKeys),
      memoryValues: this.#maybe(options.memoryValues),
      decay: this.#maybe(options.decay),
    };
  }
}

/** Keys of a row: m of [b, m, features], capacity of a cache. */
function keyCount(k: EngineTensor<Storage>): number {
  return (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0;
}

function memoryCount(memory: EngineTensor<Storage> | undefined): number {
  return memory?.shape[1] ?? 0;
}
