/**
 * The operations as every engine offers them: each checks its arguments, allocates its result and records one command.
 * Engines differ in how they allocate and run, never in what they accept.
 *
 * @module
 */

import type { Backend } from "../backend/backend.ts";
import type { Tensor } from "../backend/memory.ts";
import type {
  Activation,
  AttentionOptions,
  L2NormOptions,
  LayerNormOptions,
  LinearOptions,
  LogitsFilter,
  RotaryOptions,
  SampleOptions,
} from "../backend/operations.ts";
import type { SelfTestOptions, SelfTestReport } from "../backend/self_test.ts";
import { formatShape, sameShape, sizeOf } from "../common/shape.ts";
import { ConfigError } from "../errors.ts";
import { check, expectDType, expectShape, type Operation, optionsOf, refuse, refuseValue } from "./checks.ts";
import { OPERATIONS, TOP_A } from "./operations.ts";
import { Ownership } from "./ownership.ts";
import { checkSizes, type EngineTensor, type Owner, type Storage } from "./tensor.ts";

/** Features of a head at most: kernels keep several keys and queries beside each other in scratch memory. */
const WIDEST_HEAD = 1024;

/** An engine: what an implementation adds is memory and a way to run commands. */
export abstract class Engine<S extends Storage> extends Ownership<S> implements Backend, Owner<S> {
  protected readonly owner: Owner<S> = this;

  async selfTest(options?: SelfTestOptions): Promise<SelfTestReport> {
    this.checkAlive();
    const { selfTest } = await import("./self_test/self_test.ts");
    return await selfTest(this, options);
  }

  embedding(tokens: Tensor, weight: Tensor): Tensor {
    const args = { tokens, weight };
    this.#check(OPERATIONS.embedding, args);
    const out = this.create([...args.tokens.shape, args.weight.width]);
    return this.run({ ...args, op: "embedding", out });
  }

  linear(x: Tensor, weight: Tensor, options: LinearOptions = {}): Tensor {
    const { bias, activation } = optionsOf("linear", options);
    const args = { x, weight, bias, activation };
    this.#check(OPERATIONS.linear, args);
    const out = this.create([...args.x.shape.slice(0, -1), args.weight.rows]);
    return this.run({ ...args, op: "linear", out });
  }

  layerNorm(x: Tensor, options: LayerNormOptions = {}): Tensor {
    const { gain, gainOffset = 0, bias, eps = 1e-5 } = optionsOf("layerNorm", options);
    const args = { x, gain, gainOffset, bias, eps };
    this.#check(OPERATIONS.layerNorm, args);
    return this.run({ ...args, op: "layerNorm", out: this.create(args.x.shape) });
  }

  l2Norm(x: Tensor, options: L2NormOptions = {}): Tensor {
    const { groups = 1, gain, gainOffset = 0, factor = 1, eps = 1e-12, squareEps = 0 } = optionsOf("l2Norm", options);
    const args = { x, groups, gain, gainOffset, factor, eps, squareEps };
    this.#check(OPERATIONS.l2Norm, args);
    const { width } = args.x;
    if (args.gain && ![1, width / groups, width].includes(args.gain.size)) {
      refuse("l2Norm", "gain", args.gain.shape, `[1], [${width / groups}] or [${width}]`);
    }
    return this.run({ ...args, op: "l2Norm", out: this.create(args.x.shape) });
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const args = { x };
    this.#check(OPERATIONS.reshape, args);
    checkSizes("a view", shape);
    if (args.x.size !== sizeOf(shape)) refuse("reshape", "x", args.x.shape, `${sizeOf(shape)} values`);
    return this.view(args.x, shape);
  }

  rotary(x: Tensor, table: Tensor, options: RotaryOptions): Tensor {
    const { heads, pairs } = optionsOf("rotary", options);
    const args = { x, table, heads, pairs };
    this.#check(OPERATIONS.rotary, args);
    const dim = args.x.width / heads;
    if (args.table.width > dim) refuse("rotary", "table", args.table.shape, `[..., an even number up to ${dim}]`);
    return this.run({ ...args, op: "rotary", out: this.create(args.x.shape) });
  }

  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const { memoryKeys, memoryValues } = optionsOf("attention", options);
    if ((memoryKeys === undefined) !== (memoryValues === undefined)) {
      throw new ConfigError("Cannot run attention with memoryKeys or memoryValues alone: give both or neither");
    }
    const args = { ...scoreOptions(options), q, k, v, memoryKeys, memoryValues };
    this.#check(OPERATIONS.attention, args);
    const dim = checkScores("attention", args);
    const { k: keys, v: values } = args;
    if (keys.layout !== values.layout) refuse("attention", "v", values.shape, `a ${keys.layout}, as k is`);
    expectDType("attention", "v", values, keys.dtype);
    return this.run({ ...args, op: "attention", dim, out: this.create(args.q.shape) });
  }

  attentionScores(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
    const { memoryKeys } = optionsOf("attentionScores", options);
    const args = { ...scoreOptions(options), q, k, memoryKeys };
    this.#check(OPERATIONS.attentionScores, args);
    const dim = checkScores("attentionScores", args);
    const [b = 0, n = 0] = args.q.shape;
    const out = this.create([b, args.heads, n, keyCount(args.k) + memoryCount(args.memoryKeys)]);
    return this.run({ ...args, op: "attentionScores", memoryValues: undefined, dim, out });
  }

  attentionValues(probabilities: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const { heads, kvHeads, memoryValues } = optionsOf("attentionValues", options);
    const args = { probabilities, v, heads, kvHeads, memoryValues };
    this.#check(OPERATIONS.attentionValues, args);
    const { probabilities: weights, v: values } = args;
    const [b = 0, , n = 0] = weights.shape;
    const columns = keyCount(values) + memoryCount(args.memoryValues);
    if (weights.width !== columns) {
      refuse("attentionValues", "probabilities", weights.shape, `[${b}, ${heads}, n, ${columns}]`);
    }
    const dim = values.layout === "cache" ? values.width : values.width / kvHeads;
    checkHead("attentionValues", dim);
    const out = this.create([b, n, heads * dim]);
    return this.run({ ...NO_SCORES, ...args, op: "attentionValues", dim, out });
  }

  appendCache(cache: Tensor, x: Tensor, positions: Tensor, lengths?: Tensor): void {
    const args = { cache, x, positions, lengths };
    this.#check(OPERATIONS.appendCache, args);
    const [b, , capacity = 0] = args.cache.shape;
    const [, n = 0, width] = args.x.shape;
    if (n > capacity) refuse("appendCache", "x", args.x.shape, `[${b}, up to ${capacity}, ${width}]`);
    if (args.x.size > 0) this.record({ ...args, op: "appendCache" });
  }

  activate(x: Tensor, activation: Activation): Tensor {
    const args = { x, activation };
    this.#check(OPERATIONS.activate, args);
    return this.run({ ...args, op: "activate", out: this.create(args.x.shape) });
  }

  glu(x: Tensor, activation: Activation): Tensor {
    const args = { x, activation };
    this.#check(OPERATIONS.glu, args);
    const out = this.create([...args.x.shape.slice(0, -1), args.x.width / 2]);
    return this.run({ ...args, op: "glu", out });
  }

  add(
    x: Tensor,
    y: Tensor,
    options: { readonly scale?: Tensor | undefined; readonly factor?: number | undefined } = {},
  ): Tensor {
    const { scale, factor = 1 } = optionsOf("add", options);
    const args = { x, y, scale, factor };
    this.#check(OPERATIONS.add, args);
    const { x: a, y: b } = args;
    const repeats = b.width === a.width && (b.rows === 1 || b.rows === a.rows || b.rows === a.shape.at(-2));
    if (!sameShape(a.shape, b.shape) && !repeats) {
      refuse("add", "y", b.shape, `${formatShape(a.shape)}, or rows of ${a.width} that repeat over it`);
    }
    if (args.scale && args.scale.size !== a.width) refuse("add", "scale", args.scale.shape, `[${a.width}]`);
    return this.run({ ...args, op: "add", out: this.create(a.shape) });
  }

  multiply(x: Tensor, y: Tensor, options: { readonly activation?: Activation | undefined } = {}): Tensor {
    const { activation } = optionsOf("multiply", options);
    const args = { x, y, activation };
    this.#check(OPERATIONS.multiply, args);
    const { x: a, y: b } = args;
    const factors = b.width;
    if (a.width % factors !== 0 || (b.rows !== a.rows && b.shape.length !== 1)) {
      refuse("multiply", "y", b.shape, `[..., width or heads] or [heads] for x of shape ${formatShape(a.shape)}`);
    }
    return this.run({ ...args, op: "multiply", factors, out: this.create(a.shape) });
  }

  maskRows(x: Tensor, mask: Tensor): Tensor {
    const args = { x, mask };
    this.#check(OPERATIONS.maskRows, args);
    expectShape("maskRows", "mask", args.mask, args.x.shape.slice(0, -1));
    return this.run({ ...args, op: "maskRows", out: this.create(args.x.shape) });
  }

  shiftTokens(x: Tensor, shifts: readonly number[], previous?: Tensor): Tensor {
    const args = { x, shifts, previous };
    this.#check(OPERATIONS.shiftTokens, args);
    if (shifts.length > args.x.width) {
      refuse("shiftTokens", "x", args.x.shape, `at least as many features as there are shifts, ${shifts.length}`);
    }
    return this.run({ ...args, op: "shiftTokens", shifts: [...shifts], out: this.create(args.x.shape) });
  }

  gatherRows(x: Tensor, indices: Tensor): Tensor {
    const args = { x, indices };
    this.#check(OPERATIONS.gatherRows, args);
    return this.run({ ...args, op: "gatherRows", out: this.create([args.indices.size, args.x.width]) });
  }

  concat(parts: readonly Tensor[]): Tensor {
    const owned = this.#parts(parts);
    const [first] = owned;
    const b = owned.reduce((largest, { shape }) => Math.max(largest, shape[0] ?? 0), 0);
    let length = 0;
    for (const [i, { shape, dtype }] of owned.entries()) {
      const [batch, n = 0, width] = shape;
      if (width !== first.width || batch !== 1 && batch !== b) {
        refuse("concat", `parts[${i}]`, shape, `[1 or ${b}, n, ${first.width}]`);
      }
      if (dtype !== first.dtype) expectDType("concat", `parts[${i}]`, { dtype }, first.dtype);
      length += n;
    }
    const out = this.create([b, length, first.width], first.dtype);
    return this.run({ op: "concat", parts: owned, out });
  }

  clone(x: Tensor): Tensor {
    const args = { x };
    this.#check(OPERATIONS.clone, args);
    const { shape, dtype, layout } = args.x;
    return this.run({ ...args, op: "clone", out: this.create(shape, dtype, layout) });
  }

  slice(x: Tensor, from: number, to: number): Tensor {
    const args = { x, from, to };
    this.#check(OPERATIONS.slice, args);
    const [b = 0, n = 0, width = 0] = args.x.shape;
    if (to < from || to > n) {
      refuse("slice", "x", args.x.shape, `at least ${to} positions for 0 <= from = ${from} <= to = ${to}`);
    }
    return this.run({ op: "slice", x: args.x, from, out: this.create([b, to - from, width], args.x.dtype) });
  }

  meanPool(x: Tensor): Tensor {
    const args = { x };
    this.#check(OPERATIONS.meanPool, args);
    const [b = 0, , width = 0] = args.x.shape;
    return this.run({ ...args, op: "meanPool", out: this.create([b, width]) });
  }

  patches(images: Tensor, patchSize: number): Tensor {
    const args = { images, patchSize };
    this.#check(OPERATIONS.patches, args);
    const [b = 0, channels = 0, height = 0, width = 0] = args.images.shape;
    const count = (height / patchSize) * (width / patchSize);
    const out = this.create([b, count, patchSize * patchSize * channels]);
    return this.run({ ...args, op: "patches", out });
  }

  softmax(x: Tensor): Tensor {
    const args = { x };
    this.#check(OPERATIONS.softmax, args);
    return this.run({ ...args, op: "softmax", out: this.create(args.x.shape) });
  }

  logSoftmax(x: Tensor): Tensor {
    const args = { x };
    this.#check(OPERATIONS.logSoftmax, args);
    return this.run({ ...args, op: "logSoftmax", out: this.create(args.x.shape) });
  }

  crossEntropy(logits: Tensor, targets: Tensor, ignoreIndex: number): Tensor {
    const args = { logits, targets, ignoreIndex };
    this.#check(OPERATIONS.crossEntropy, args);
    return this.run({ ...args, op: "crossEntropy", out: this.create([]) });
  }

  repetitionPenalty(logits: Tensor, history: Tensor, penalty: number): Tensor {
    const args = { logits, history, penalty };
    this.#check(OPERATIONS.repetitionPenalty, args);
    return this.run({ ...args, op: "repetitionPenalty", out: this.create(args.logits.shape) });
  }

  filterLogits(logits: Tensor, filter: LogitsFilter): Tensor {
    const { topK, topP, minP, topA } = optionsOf("filterLogits", filter);
    const args = { logits, topK, topP, minP };
    this.#check(OPERATIONS.filterLogits, args);
    if (topA !== undefined) check(TOP_A, optionsOf("filterLogits", topA), this);
    const out = this.create(args.logits.shape);
    return this.run({ op: "filterLogits", logits: args.logits, filter: { topK, topP, minP, topA }, out });
  }

  sample(logits: Tensor, options: SampleOptions): Tensor {
    const { temperature, seed, counter } = optionsOf("sample", options);
    const args = { logits, temperature, seed, counter };
    this.#check(OPERATIONS.sample, args);
    return this.run({ ...args, op: "sample", out: this.create([args.logits.rows], "i32") });
  }

  acceptDraft(target: Tensor, draft: Tensor, tokens: Tensor, options: SampleOptions): Tensor {
    const { temperature, seed, counter } = optionsOf("acceptDraft", options);
    const args = { target, draft, tokens, temperature, seed, counter };
    this.#check(OPERATIONS.acceptDraft, args);
    expectShape("acceptDraft", "target", args.target, [args.draft.rows + 1, args.draft.width]);
    return this.run({ ...args, op: "acceptDraft", out: this.create([2], "i32") });
  }

  /** Checks the arguments of a call, whose tensors are this engine's own then. */
  #check<Name extends string, Args extends Readonly<Record<Name, unknown>>>(
    operation: Operation<Name>,
    args: Args,
  ): asserts args is Args & Owned<Args, S> {
    check(operation, args, this);
  }

  /** Parts to be joined: at least one. */
  #parts(parts: readonly Tensor[]): [EngineTensor<S>, ...EngineTensor<S>[]] {
    if (!Array.isArray(parts)) refuseValue("concat", "parts", parts, "a list of tensors");
    const [first, ...others] = parts.map((part: Tensor) => {
      const args = { part };
      this.#check(OPERATIONS.concat, args);
      return args.part;
    });
    if (!first) throw new ConfigError("Cannot run concat with no parts: give at least one");
    return [first, ...others];
  }
}

/** Arguments of a call as they are once they have been checked: tensors are an engine's own. */
type Owned<Args, S extends Storage> = {
  readonly [Name in keyof Args]: Args[Name] extends Tensor ? EngineTensor<S>
    : Args[Name] extends Tensor | undefined ? EngineTensor<S> | undefined
    : Args[Name];
};

/** What `attentionValues` has no use for. */
const NO_SCORES = {
  scale: 1,
  causal: false,
  positions: undefined,
  slopes: undefined,
  mask: undefined,
  memoryKeys: undefined,
  decay: undefined,
};

/** Options that say which scores attention has. */
function scoreOptions({ heads, kvHeads, scale, causal, positions, slopes, mask, decay }: AttentionOptions) {
  return { heads, kvHeads, scale, causal, positions, slopes, mask, decay };
}

/** What the arguments of scores must be together; gives the width of a head. */
function checkScores<T extends EngineTensor<Storage>>(
  op: string,
  { q, k, heads, positions, mask }: { q: T; k: T; heads: number; positions: T | undefined; mask: T | undefined },
): number {
  const dim = q.width / heads;
  checkHead(op, dim);
  if (k.layout === "cache") {
    if (!positions) throw new ConfigError(`Cannot run ${op} on a cache without positions`);
  } else if (mask && mask.shape[1] !== k.shape[1]) {
    refuse(op, "mask", mask.shape, `[${mask.shape[0]}, ${k.shape[1]}]`);
  }
  return dim;
}

/** @throws {ConfigError} for heads that are too wide */
function checkHead(op: string, dim: number): void {
  if (dim <= WIDEST_HEAD) return;
  throw new ConfigError(
    `Cannot run ${op} with heads of ${dim} features: expected up to ${WIDEST_HEAD}; use more heads that are narrower`,
  );
}

/** Keys of a row: m of [b, m, features], capacity of a cache. */
function keyCount(k: EngineTensor<Storage>): number {
  return (k.layout === "cache" ? k.shape[2] : k.shape[1]) ?? 0;
}

function memoryCount(memory: EngineTensor<Storage> | undefined): number {
  return memory?.shape[1] ?? 0;
}
