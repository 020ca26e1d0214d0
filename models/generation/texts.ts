/**
 * Texts that a model continues, and what it has computed of them.
 *
 * Keys and values are kept in a cache and each step runs on new tokens only, where that gives the same numbers. It does
 * not where keys and values depend on the length of the whole text (xPos on rotated values, as zeta has it, or beside
 * memory keys: the scale's center moves with the length), nor beyond `maxSeqLen` with overflow "recompute": there each
 * step runs on the whole text, cut to its last `maxSeqLen` tokens.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../backend/memory.ts";
import { ConfigError, DisposedError } from "../../errors.ts";
import { largest } from "../language/largest.ts";
import type { KvCache } from "../network/kv_cache.ts";
import type { Context } from "./context.ts";
import { Holdings, unlessAborted } from "./holdings.ts";
import { nothingDrawn } from "./not_finite.ts";
import type { Overflow } from "./overflow.ts";
import type { TextModel } from "./text_model.ts";

/** Tokens of all rows that one step takes at most: bounds its memory, and the time until an abort is noticed. */
const CHUNK = 256;

/** What texts are made of beside their tokens. */
export interface TextsOptions {
  readonly overflow: Overflow;
  /** Tokens that the cache must hold. */
  readonly capacity: number;
  /** How keys and values are kept. */
  readonly cacheDtype: CacheFormat;
  /** Disposed with the texts. */
  readonly context: Context;
  /** Whether the texts are continued again later, so that the cache must be able to go back to where they end. */
  readonly isKept: boolean;
}

/** One or several texts, each a row. */
export class Texts {
  /** Tokens of each row. */
  readonly rows: number[][];
  readonly #model: TextModel;
  readonly #options: TextsOptions;
  readonly #held: Holdings;
  /** Where in each row the cache begins: what is before has been cut off. */
  #starts: number[];
  /** Where in each row the cache ends; beyond the row's tokens while others are on their way. */
  #cached: number[];
  readonly #ended: boolean[];

  /** @param rows at least one token each, or to be appended before the first step */
  constructor(model: TextModel, rows: readonly (readonly number[])[], options: TextsOptions) {
    this.rows = rows.map((row) => [...row]);
    this.#model = model;
    this.#options = options;
    this.#held = new Holdings(this, model, options.context);
    this.#starts = rows.map(() => 0);
    this.#cached = rows.map(() => 0);
    this.#ended = rows.map(() => false);
  }

  /** The longest text that the model takes. */
  get maxSeqLen(): number {
    return this.#model.net.maxSeqLen;
  }

  /** The engine. */
  get backend(): Backend {
    return this.#model.backend;
  }

  /** Whether row `row` may not grow: with overflow "stop" it is as long as the model can take. */
  isFull(row: number): boolean {
    return this.#options.overflow === "stop" && (this.rows[row]?.length ?? 0) >= this.#model.net.maxSeqLen;
  }

  /** Leaves a row out of the steps to come. */
  end(row: number): void {
    this.#ended[row] = true;
  }

  /** Whether a row was ended. */
  hasEnded(row: number): boolean {
    return this.#ended[row] ?? true;
  }

  /** Cuts a row off after `length` tokens. */
  truncate(row: number, length: number): void {
    this.rows[row]?.splice(length);
    this.#cached[row] = Math.min(this.#cached[row] ?? 0, length);
  }

  /** Forgets what was computed beyond the rows' tokens, and that rows have ended. */
  settle(): void {
    for (const [r, row] of this.rows.entries()) this.truncate(r, row.length);
    this.#ended.fill(false);
  }

  /** Forgets all that was computed. */
  forget(): void {
    this.#held.replaceCache(undefined);
  }

  /** Has everything freed as soon as a signal is aborted: these texts end with one call. */
  endWith(signal: AbortSignal | undefined): void {
    this.#held.bind(signal);
  }

  /** Holds tensors for a caller until it frees them: they go with the texts. */
  hold(...tensors: readonly (Tensor | undefined)[]): void {
    this.#held.hold(tensors.filter((tensor) => tensor !== undefined));
  }

  /** Frees tensors that were held. */
  free(...tensors: readonly (Tensor | undefined)[]): void {
    this.#held.free(tensors.filter((tensor) => tensor !== undefined));
  }

  /**
   * The error for rows whose next token could not be drawn; forgets all that was computed.
   *
   * @param rows whose logits it was to be drawn from
   * @param who the model is, for the message
   */
  async explain(rows: readonly number[], who = "the model"): Promise<Error> {
    this.forget();
    const { context, cacheDtype } = this.#options;
    const contexts = this.backend.scope(() => rows.map((row) => context.row(row)));
    try {
      const texts = rows.map((row, i) => ({ tokens: this.rows[row] ?? [], inputs: contexts[i] ?? {}, cacheDtype }));
      return await nothingDrawn(this.#model, texts, who);
    } finally {
      for (const { context, contextMask } of contexts) for (const tensor of [context, contextMask]) tensor?.dispose();
    }
  }

  /** The same texts once more, with a cache of their own. */
  fork(): Texts {
    this.checkAlive();
    const copy = new Texts(this.#model, this.rows, { ...this.#options, context: this.#options.context.fork() });
    try {
      copy.#held.replaceCache(this.#held.cache?.fork(this.backend));
    } catch (error) {
      copy.dispose();
      throw error;
    }
    copy.#starts = [...this.#starts];
    copy.#cached = [...this.#cached];
    return copy;
  }

  /** Frees the cache and the context. */
  dispose(): void {
    this.#held.dispose();
  }

  /** Whether `stepOn` is possible, and can be taken back where it must. */
  get canRunAhead(): boolean {
    const { cache } = this.#held;
    if (!cache || !this.#canCache(this.#cached.map((end) => end + 1))) return false;
    return cache.canUndoSteps || !this.#options.isKept;
  }

  /**
   * Runs on the tokens that are not in the cache yet, except the last ones of each row, which are `step`'s.
   *
   * @param last tokens of each row that `step` must see
   * @throws the signal's reason once it is aborted
   */
  async prepare(signal: AbortSignal | undefined, last = 1): Promise<void> {
    signal?.throwIfAborted();
    this.checkAlive();
    if (!this.#isCached) return;
    const cache = this.#align(last);
    // A device computes the next chunk while the one before is waited for; an abort finds little to wait for.
    const isAhead = (this.backend.info.stepsAhead ?? 0) > 0;
    let previous: Promise<unknown> = Promise.resolve();
    for (;;) {
      const room = Math.max(last, this.#room(cache));
      const pending = this.#pending();
      if (largest(pending) <= room) return;
      const counts = pending.map((count) => Math.max(0, Math.min(count - last, room)));
      const sample = this.#run(this.#ids(counts), (hidden) => this.backend.slice(hidden, 0, 1));
      const reading = sample.data();
      reading.catch(() => {}); // heard of below, unless the chunk before fails
      sample.dispose();
      await unlessAborted(isAhead ? previous : reading, signal);
      previous = reading;
      this.checkAlive();
    }
  }

  /**
   * Runs on the tokens that are left after `prepare`.
   *
   * @param use makes something of the logits [rows · last, numTokens] of each row's last positions; its tensors outlive the step
   */
  step<T>(use: (logits: Tensor) => T, last = 1): T {
    return this.#isCached ? this.#runToLogits(this.#ids(this.#pending()), use, last) : this.#recompute(use);
  }

  /** Runs on one token of each row that the host need not know: int32 [rows]. */
  stepOn<T>(tokens: Tensor, use: (logits: Tensor) => T): T {
    const counts = this.#ended.map((hasEnded) => hasEnded ? 0 : 1);
    return this.#runToLogits({ counts, make: (backend) => backend.reshape(tokens, [counts.length, 1]) }, use);
  }

  /** Whether the next step can run from the cache; rows that have ended take part without a token of their own. */
  get #isCached(): boolean {
    return this.#canCache(this.rows.map((row, r) => this.hasEnded(r) ? (this.#cached[r] ?? 0) + 1 : row.length));
  }

  /** Whether rows of these lengths can be continued from a cache. */
  #canCache(lengths: readonly number[]): boolean {
    const { net } = this.#model;
    return net.canCache && (this.#options.overflow === "slide" || largest(lengths) <= net.maxSeqLen);
  }

  /** The cache, holding nothing that is not in the rows, and less than each row by `last` tokens. */
  #align(last: number): KvCache {
    const { prefixLength, maxSeqLen } = this.#model.net;
    const { cache } = this.#held;
    const active = this.rows.flatMap((_, r) => this.hasEnded(r) ? [] : [r]);
    const ends = this.#cached.map((end, r) =>
      active.includes(r) ? Math.min(end, (this.rows[r]?.length ?? 0) - last) : end
    );
    const held = (r: number) => (ends[r] ?? 0) - (this.#starts[r] ?? 0);
    const isFar = active.some((r) => (this.rows[r]?.length ?? 0) - (ends[r] ?? 0) >= maxSeqLen);
    if (!cache || isFar) return this.#beginAnew();
    if (cache.isEmpty) return cache;
    const lengths = cache.lengths.map((length, r) => active.includes(r) ? held(r) + prefixLength : length);
    if (active.some((r) => held(r) <= 0) || !cache.canRewind(lengths)) return this.#beginAnew();
    cache.rewind(lengths);
    this.#cached = ends;
    return cache;
  }

  #beginAnew(): KvCache {
    this.forget(); // before there are two
    this.#starts = this.rows.map((row) => Math.max(0, row.length - this.#model.net.maxSeqLen));
    this.#cached = [...this.#starts];
    const cache = this.#model.createCache(this.rows.length, this.#options.capacity, this.#options.cacheDtype);
    this.#held.replaceCache(cache);
    return cache;
  }

  /** Tokens of one row that a step can take: what overwrites old keys must go one by one. */
  #room(cache: KvCache): number {
    const memory = cache.isEmpty ? this.#model.net.prefixLength : 0;
    const free = cache.capacity - largest(cache.lengths) - memory;
    return Math.max(1, Math.min(free, Math.floor(CHUNK / this.rows.length)));
  }

  /** Tokens of each row that are not in the cache. */
  #pending(): number[] {
    return this.rows.map((row, r) => this.hasEnded(r) ? 0 : row.length - (this.#cached[r] ?? 0));
  }

  /** The next `counts` tokens of each row, padded on the right. */
  #ids(counts: readonly number[]): StepTokens {
    const n = largest(counts);
    const ids = new Int32Array(counts.length * n);
    for (const [r, count] of counts.entries()) {
      const from = this.#cached[r] ?? 0;
      ids.set(this.rows[r]?.slice(from, from + count) ?? [], r * n);
    }
    return { counts, make: (backend) => backend.tensor(ids, [counts.length, n]) };
  }

  /** A step up to the logits [rows · last, numTokens] of each row's last positions. */
  #runToLogits<T>(tokens: StepTokens, use: (logits: Tensor) => T, last = 1): T {
    const { net, backend } = this.#model;
    return this.#run(tokens, (hidden) => use(net.logits(backend, lastPositions(backend, hidden, tokens.counts, last))));
  }

  /** A step; `use` makes something of the hidden states (rows, n, dim). */
  #run<T>({ counts, make }: StepTokens, use: (hidden: Tensor) => T): T {
    const [{ net, backend }, { cache }] = [this.#model, this.#held];
    if (!cache) throw new ConfigError("Cannot run a step before it was prepared");
    const { value, step } = backend.scope(() => {
      const tokens = make(backend); // [rows, n]
      const { hidden, step } = net.step(backend, tokens, cache, this.#options.context.inputs, counts);
      return { value: use(hidden), step, kept: step.kept };
    });
    cache.commit(step);
    this.#cached = this.#cached.map((end, r) => end + (counts[r] ?? 0));
    return value;
  }

  /** Logits of the texts computed from their tokens alone; rows that have ended get another's. */
  #recompute<T>(use: (logits: Tensor) => T): T {
    const { net, backend } = this.#model;
    const windows = this.rows.map((row) => row.slice(-net.maxSeqLen));
    const active = windows.flatMap((_, r) => this.hasEnded(r) ? [] : [r]);
    const isRectangle = active.length === windows.length && windows.every((row) => row.length === windows[0]?.length);
    const { context } = this.#options;
    return backend.scope(() => {
      if (isRectangle) {
        const hidden = this.#lastHidden(windows, context.inputs); // (b, 1, dim)
        return use(net.logits(backend, backend.reshape(hidden, [windows.length, net.architecture.layers.dim])));
      }
      const parts = active.map((r) => backend.scope(() => this.#lastHidden([windows[r] ?? []], context.row(r))));
      const places = Int32Array.from(windows, (_, r) => Math.max(0, active.indexOf(r)));
      const hidden = backend.gatherRows(backend.concat(parts), backend.tensor(places, [places.length])); // (b, dim)
      return use(net.logits(backend, hidden));
    });
  }

  /** Hidden states of the last position of rows of one length: (b, 1, dim). */
  #lastHidden(rows: readonly (readonly number[])[], inputs: Context["inputs"]): Tensor {
    const { net, backend } = this.#model;
    const n = rows[0]?.length ?? 0;
    const tokens = backend.tensor(Int32Array.from(rows.flat()), [rows.length, n]);
    return backend.slice(net.hidden(backend, tokens, inputs), n - 1, n);
  }

  /** @throws {DisposedError} once the texts, or their model, were disposed */
  checkAlive(): void {
    if (this.#held.isDisposed) {
      throw new DisposedError("Cannot continue a text after its session or model was disposed: begin another");
    }
  }
}

/** Tokens of one step. */
interface StepTokens {
  /** Tokens of each row. */
  readonly counts: readonly number[];
  /** Puts them on the engine: int32 [rows, n]. */
  readonly make: (backend: Backend) => Tensor;
}

/** The last `last` of each row's `counts` hidden states, hidden (b, n, dim): (b · last, dim). */
export function lastPositions(backend: Backend, hidden: Tensor, counts: readonly number[], last: number): Tensor {
  const n = hidden.shape[1] ?? 0;
  const places = counts.flatMap((count, r) =>
    Array.from({ length: last }, (_, i) => Math.max(0, r * n + count - last + i))
  );
  return backend.gatherRows(hidden, backend.tensor(Int32Array.from(places), [places.length]));
}
