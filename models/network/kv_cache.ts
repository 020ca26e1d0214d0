/**
 * The cache of a decoder: keys and values of its key heads, allocated once, and the little else that steps remember.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { ConfigError, OutOfMemoryError } from "../../errors.ts";
import { integer } from "../config/fields.ts";
import { largest } from "../language/largest.ts";
import type { CacheStep } from "../layers/pass.ts";
import type { LayersPlan, SublayerPlan } from "./architecture.ts";

/** Values of one tensor at most, whatever their format: what 32-bit addresses reach. */
const MOST_VALUES = 2 ** 32;

/** What one sublayer keeps. */
interface LayerCache {
  /** Keys and values [b, kvHeads, capacity, dimHead] of a self attention. */
  self: KeysAndValues | undefined;
  /** Keys and values (b, m, kvHeads · dimHead) of a context. */
  cross: KeysAndValues | undefined;
  /** What a token shift saw last: (b, shift + n, dim), of which each row counts its first shift + lastCounts[row]. */
  seen: Tensor | undefined;
  /** Positions that its token shift looks back. */
  readonly shift: number;
}

interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * Keys and values of the tokens that a decoder has seen. Owned by whoever made it.
 *
 * @example
 * ```ts
 * import { Andromeda } from "../../mod.ts";
 *
 * // The bytes that the keys and values of eight conversations take.
 * const model = await Andromeda.load("examples/shakespeare");
 * for (const dtype of ["f32", "f16", "q8_0"] as const) {
 *   const before = model.backend.memory().bytesInUse;
 *   const cache = model.createCache(8, 256, dtype);
 *   console.log(dtype, model.backend.memory().bytesInUse - before);
 *   cache.dispose();
 * }
 * model.dispose();
 * ```
 *
 * @category Generation
 */
export class KvCache {
  /** Positions that it can hold; when more have been seen, it holds the last ones. */
  readonly capacity: number;
  #lengths: number[];
  #lastCounts: number[];
  #longest = 0;
  readonly #layers: readonly LayerCache[];

  private constructor(capacity: number, lengths: readonly number[], layers: LayerCache[]) {
    this.capacity = capacity;
    this.#lengths = [...lengths];
    this.#lastCounts = lengths.map(() => 0);
    this.#layers = layers;
  }

  /**
   * An empty cache.
   *
   * @param plan Plan of the layers whose keys and values it keeps, each in its own shape.
   * @param capacity Tokens that a row can hold.
   * @param prefix Positions in front of them.
   * @param dtype How keys and values of the text are kept; those of a context are f32.
   * @throws {ConfigError} For a format that the backend does not have, or that does not fit the width of a head.
   */
  static create(
    backend: Backend,
    plan: LayersPlan,
    batch: number,
    capacity: number,
    prefix: number,
    dtype: CacheFormat = "f32",
  ): KvCache {
    for (const [name, count] of Object.entries({ batch, capacity })) integer().check(name, count);
    const sublayers = plan.blocks.flatMap(({ sublayers }) => sublayers);
    const keys = largest(sublayers.map(keysOf));
    if (batch * capacity * keys > MOST_VALUES) {
      throw new OutOfMemoryError(
        `Cannot hold keys of batch = ${batch} rows of capacity = ${capacity} tokens: one tensor has up to ${MOST_VALUES} values`,
      );
    }
    const layers = sublayers.map(({ shifts = [] }) => emptyLayer(Math.max(0, ...shifts)));
    const cache = new KvCache(capacity + prefix, Array(batch).fill(0), layers);
    return orDispose(cache, () => {
      for (const [i, layer] of layers.entries()) {
        const sublayer = sublayers[i];
        if (sublayer?.kind === "selfAttention") {
          const { kvHeads, dimHead } = sublayer.attention;
          layer.self = makePair(() => backend.cache([batch, kvHeads, cache.capacity, dimHead], dtype));
        }
        if (layer.shift > 0) layer.seen = backend.zeros([batch, layer.shift, plan.dim], "f32");
      }
    });
  }

  /** Positions that each row has seen, memory tokens included. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** Whether no token has been seen. */
  get isEmpty(): boolean {
    return this.#lengths.every((length) => length === 0);
  }

  /**
   * Begins a step of `n` tokens, of which each row counts its first `counts[row]`. `commit` ends it.
   * @internal
   */
  begin(backend: Backend, counts: readonly number[], n: number): Step {
    return new Step(backend, this.#layers, this.#lengths, this.#lastCounts, counts, n);
  }

  /**
   * Ends a step: what it saw counts from now on.
   * @internal
   */
  commit(step: Step): void {
    this.#lengths = this.#lengths.map((length, row) => length + (step.counts[row] ?? 0));
    this.#lastCounts = [...step.counts];
    this.#longest = largest(this.#lengths, this.#longest);
    for (const [i, layer] of this.#layers.entries()) {
      layer.cross ??= step.madeCross.get(i);
      const seen = step.madeSeen.get(i);
      if (!seen) continue;
      layer.seen?.dispose();
      layer.seen = seen;
    }
  }

  /** Whether a step of one token, made now, can be taken back by `rewind` even after more of such steps. */
  get canUndoSteps(): boolean {
    return largest(this.#lengths) < this.capacity && !this.#hasShift;
  }

  get #hasShift(): boolean {
    return this.#layers.some(({ shift }) => shift > 0);
  }

  /**
   * Whether `rewind` can go back to these lengths: not once old keys were overwritten, and with token shift only within
   * the last step.
   */
  canRewind(lengths: readonly number[]): boolean {
    return lengths.every((length, row) => {
      const back = (this.#lengths[row] ?? 0) - length;
      if (back < 0) return false;
      const isKept = this.#longest <= this.capacity;
      const isSeen = !this.#hasShift || back <= (this.#lastCounts[row] ?? 0);
      return back === 0 || (isKept && isSeen);
    });
  }

  /**
   * Forgets the last positions of each row.
   *
   * @throws {ConfigError} If `canRewind` is false.
   */
  rewind(lengths: readonly number[]): void {
    if (!this.canRewind(lengths)) {
      throw new ConfigError(`Cannot rewind a cache from ${this.#lengths} to ${lengths}: what came before is not kept`);
    }
    this.#lastCounts = this.#lastCounts.map((count, row) =>
      Math.max(0, count - ((this.#lengths[row] ?? 0) - (lengths[row] ?? 0)))
    );
    this.#lengths = [...lengths];
  }

  /** A cache of its own with the same contents. */
  fork(backend: Backend): KvCache {
    const layers = this.#layers.map(({ shift }) => emptyLayer(shift));
    const copy = new KvCache(this.capacity, this.#lengths, layers);
    copy.#lastCounts = [...this.#lastCounts];
    copy.#longest = this.#longest;
    return orDispose(copy, () => {
      for (const [i, { self, cross, seen }] of this.#layers.entries()) {
        const layer = layers[i];
        if (!layer) continue;
        if (self) layer.self = { keys: backend.clone(self.keys), values: backend.clone(self.values) };
        if (cross) layer.cross = { keys: backend.clone(cross.keys), values: backend.clone(cross.values) };
        if (seen) layer.seen = backend.clone(seen);
      }
    });
  }

  /** Frees the memory. */
  dispose(): void {
    for (const { self, cross, seen } of this.#layers) {
      for (const tensor of [self?.keys, self?.values, cross?.keys, cross?.values, seen]) tensor?.dispose();
    }
  }
}

/** One step over a cache; what it makes is kept only when the cache commits it. */
export class Step implements CacheStep {
  readonly positions: Tensor;
  readonly lengths: Tensor | undefined;
  /** Tokens of each row. */
  readonly counts: readonly number[];
  /** Keys and values of contexts by sublayer. */
  readonly madeCross: Map<number, KeysAndValues> = new Map();
  /** What token shifts saw, by sublayer. */
  readonly madeSeen: Map<number, Tensor> = new Map();
  readonly #backend: Backend;
  readonly #layers: readonly LayerCache[];
  /** Rows of `LayerCache.seen` that come before this step's, by shift: int32 [b · shift]. */
  readonly #tails: ReadonlyMap<number, Tensor>;

  /** Made by `KvCache.begin`. */
  constructor(
    backend: Backend,
    layers: readonly LayerCache[],
    starts: readonly number[],
    lastCounts: readonly number[],
    counts: readonly number[],
    n: number,
  ) {
    const int32 = (values: readonly number[]) => backend.tensor(Int32Array.from(values), [values.length]);
    this.#backend = backend;
    this.#layers = layers;
    this.counts = counts;
    this.positions = int32(starts);
    this.lengths = counts.some((count) => count !== n) ? int32(counts) : undefined;
    const tails = new Map<number, Tensor>();
    for (const { shift, seen } of layers) {
      if (shift === 0 || tails.has(shift)) continue;
      const rowsSeen = seen?.shape[1] ?? 0;
      const rows = lastCounts.flatMap((count, row) =>
        Array.from({ length: shift }, (_, j) => row * rowsSeen + count + j)
      );
      tails.set(shift, int32(rows));
    }
    this.#tails = tails;
  }

  /** Tensors that must outlive the step. */
  get kept(): Tensor[] {
    return [...[...this.madeCross.values()].flatMap(({ keys, values }) => [keys, values]), ...this.madeSeen.values()];
  }

  selfAttention(layer: number): KeysAndValues {
    const kept = this.#layers[layer]?.self;
    if (!kept) throw new ConfigError(`Cannot use a cache of another model: it has no keys for sublayer ${layer}`);
    return kept;
  }

  crossAttention(layer: number): KeysAndValues | undefined {
    return this.#layers[layer]?.cross;
  }

  keep(layer: number, made: KeysAndValues): void {
    this.madeCross.set(layer, made);
  }

  previousRows(layer: number, x: Tensor): Tensor {
    const { seen, shift = 0 } = this.#layers[layer] ?? {};
    const tails = this.#tails.get(shift);
    if (!seen || !tails) throw new ConfigError("Cannot use a cache of a model without token shift");
    const [b = 0, , dim = 0] = x.shape;
    const rows = this.#backend.gatherRows(seen, tails);
    const previous = this.#backend.reshape(rows, [b, shift, dim]);
    this.madeSeen.set(layer, this.#backend.concat([previous, x]));
    return previous;
  }
}

function emptyLayer(shift: number): LayerCache {
  return { self: undefined, cross: undefined, seen: undefined, shift };
}

/** Keys of one token, in values. */
function keysOf(sublayer: SublayerPlan): number {
  if (sublayer.kind !== "selfAttention") return 0;
  return sublayer.attention.kvHeads * sublayer.attention.dimHead;
}

function makePair(make: () => Tensor): KeysAndValues {
  const keys = make();
  try {
    return { keys, values: make() };
  } catch (error) {
    keys.dispose();
    throw error;
  }
}

function orDispose(cache: KvCache, fill: () => void): KvCache {
  try {
    fill();
    return cache;
  } catch (error) {
    cache.dispose();
    throw error;
  }
}
