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
  /** Whether it is a cross attention. */
  readonly looksAtContext: boolean;
}

interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** What a row has seen, in positions. */
interface CacheRow {
  length: number;
  /** Those of the last step. */
  lastCount: number;
  /** The most that it has held since it was empty: beyond the capacity, old ones were overwritten. */
  longest: number;
}

/** A row of a step. */
interface StepRow {
  /** Position of its first token. */
  readonly start: number;
  /** Positions of the step before. */
  readonly lastCount: number;
  /** Where it lies in the cache, if that has other rows too. */
  readonly place: number | undefined;
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
  /** What each row has seen; other views of the same memory share it. */
  readonly #rows: readonly CacheRow[];
  readonly #layers: readonly LayerCache[];
  /** Where each row lies in the memory; undefined where all of them do, in order. */
  readonly #places: readonly number[] | undefined;

  private constructor(
    capacity: number,
    rows: readonly CacheRow[],
    layers: readonly LayerCache[],
    places?: readonly number[],
  ) {
    this.capacity = capacity;
    this.#rows = rows;
    this.#layers = layers;
    this.#places = places;
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
    const layers = sublayers.map(({ kind, shifts = [] }) =>
      emptyLayer({ shift: Math.max(0, ...shifts), looksAtContext: kind === "crossAttention" })
    );
    const rows = Array.from({ length: batch }, () => ({ length: 0, lastCount: 0, longest: 0 }));
    const cache = new KvCache(capacity + prefix, rows, layers);
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
    return this.#rows.map(({ length }) => length);
  }

  /** Whether no token has been seen. */
  get isEmpty(): boolean {
    return this.#rows.every(({ length }) => length === 0);
  }

  /**
   * Begins a step of `n` tokens, of which each row counts its first `counts[row]`. `commit` ends it.
   * @internal
   */
  begin(backend: Backend, counts: readonly number[], n: number): Step {
    const steps = this.#rows.map(({ length, lastCount }, row) => ({
      start: length,
      lastCount,
      place: this.#places?.[row],
    }));
    return new Step(backend, this.#layers, steps, counts, n);
  }

  /**
   * Ends a step: what it saw counts from now on.
   * @internal
   */
  commit(step: Step): void {
    for (const [i, row] of this.#rows.entries()) {
      row.lastCount = step.counts[i] ?? 0;
      row.length += row.lastCount;
      row.longest = Math.max(row.longest, row.length);
    }
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
    return largest(this.lengths) < this.capacity && !this.#hasShift;
  }

  get #hasShift(): boolean {
    return this.#layers.some(({ shift }) => shift > 0);
  }

  /**
   * Whether `rewind` can go back to these lengths: not once old keys were overwritten, and with token shift only within
   * the last step.
   */
  canRewind(lengths: readonly number[]): boolean {
    return this.#rows.every((row, i) => {
      const length = lengths[i] ?? 0;
      const back = row.length - length;
      if (back < 0) return false;
      const isKept = length === 0 || row.longest <= this.capacity;
      const isSeen = !this.#hasShift || back <= row.lastCount;
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
      throw new ConfigError(`Cannot rewind a cache from ${this.lengths} to ${lengths}: what came before is not kept`);
    }
    for (const [i, row] of this.#rows.entries()) {
      const length = lengths[i] ?? 0;
      row.lastCount = Math.max(0, row.lastCount - (row.length - length));
      row.length = length;
      if (length === 0) row.longest = 0;
    }
  }

  /** Whether `select` can take rows apart: keys and values of a text can, but not what else steps remember. */
  get isDivisible(): boolean {
    return this.#layers.every(({ looksAtContext, shift }) => !looksAtContext && shift === 0);
  }

  /**
   * Some of the rows as a cache over the same memory: what a step adds to these rows, both have. It is not disposed of
   * by itself.
   *
   * @throws {ConfigError} If `isDivisible` is false, or for a row that there is not.
   */
  select(rows: readonly number[]): KvCache {
    if (!this.isDivisible) {
      throw new ConfigError("Cannot take rows out of a cache that keeps more than keys and values");
    }
    const chosen = rows.map((row) => {
      const found = this.#rows[row];
      if (!found) throw new ConfigError(`Cannot take row ${row} out of a cache of ${this.#rows.length} rows`);
      return found;
    });
    return new KvCache(this.capacity, chosen, this.#layers, rows.map((row) => this.#places?.[row] ?? row));
  }

  /**
   * Gives row `to` the first `length` positions of row `from`, in place of what it held.
   *
   * @throws {ConfigError} If row `from` no longer holds them.
   */
  copyRow(backend: Backend, from: number, to: number, length: number): void {
    const [source, target] = [this.#rows[from], this.#rows[to]];
    if (!this.isDivisible || !source || !target || source === target) {
      throw new ConfigError(`Cannot copy row ${from} of a cache to row ${to}: give two rows of a divisible cache`);
    }
    if (length > source.length || source.longest > this.capacity) {
      throw new ConfigError(`Cannot copy ${length} positions of row ${from} of a cache: it no longer holds them`);
    }
    const [first, second] = [this.#places?.[from] ?? from, this.#places?.[to] ?? to];
    for (const { self } of this.#layers) {
      if (!self) continue;
      backend.copyCache(self.keys, first, second, length);
      backend.copyCache(self.values, first, second, length);
    }
    Object.assign(target, { length, lastCount: 0, longest: length });
  }

  /** A cache of its own with the same contents. */
  fork(backend: Backend): KvCache {
    const layers = this.#layers.map(emptyLayer);
    const copy = new KvCache(this.capacity, this.#rows.map((row) => ({ ...row })), layers);
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
    rows: readonly StepRow[],
    counts: readonly number[],
    n: number,
  ) {
    const int32 = (values: readonly number[]) => backend.tensor(Int32Array.from(values), [values.length]);
    this.#backend = backend;
    this.#layers = layers;
    this.counts = counts;
    this.positions = rows.every(({ place }) => place === undefined)
      ? int32(rows.map(({ start }) => start))
      : backend.tensor(Int32Array.from(rows.flatMap(({ start, place = 0 }) => [start, place])), [rows.length, 2]);
    this.lengths = counts.some((count) => count !== n) ? int32(counts) : undefined;
    const tails = new Map<number, Tensor>();
    for (const { shift, seen } of layers) {
      if (shift === 0 || tails.has(shift)) continue;
      const rowsSeen = seen?.shape[1] ?? 0;
      const tail = rows.flatMap(({ lastCount }, row) =>
        Array.from({ length: shift }, (_, j) => row * rowsSeen + lastCount + j)
      );
      tails.set(shift, int32(tail));
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

function emptyLayer({ shift, looksAtContext }: Pick<LayerCache, "shift" | "looksAtContext">): LayerCache {
  return { self: undefined, cross: undefined, seen: undefined, shift, looksAtContext };
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
