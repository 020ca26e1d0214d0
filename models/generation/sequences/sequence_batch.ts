/**
 * Sequences that a model continues together, and what it has computed of them.
 *
 * Where a network can cache, each step runs on new tokens only. It can't where keys and values depend on the length of
 * the whole sequence (xPos on rotated values, as zeta has it, or beside memory keys: the scale's center moves with the
 * length), nor beyond `maxSeqLen` with overflow "recompute": there each step runs on the whole sequence, cut to its
 * last `maxSeqLen` tokens.
 *
 * @module
 */

import type { Backend } from "../../../backend/backend.ts";
import type { CacheFormat, Tensor } from "../../../backend/memory.ts";
import { ConfigError, DisposedError } from "../../../errors.ts";
import { largest } from "../../language/largest.ts";
import type { SequenceCache, SequenceInputs, TextModel } from "../text_model.ts";
import { type Context, tensorsOf } from "./context.ts";
import { nothingDrawn } from "./not_finite.ts";
import type { Overflow } from "./overflow.ts";
import { Resources, unlessAborted } from "./resources.ts";

/** The most tokens of all rows in one step. It bounds the memory of a step, and the time until an abort is noticed. */
const CHUNK = 256;

/** What a batch has beside its tokens. */
export interface SequenceBatchOptions {
  readonly overflow: Overflow;
  /** Tokens that the cache must hold. */
  readonly capacity: number;
  /** How keys and values are kept. */
  readonly cacheDtype: CacheFormat;
  /** What the sequences look at; the batch disposes of it. */
  readonly context: Context;
  /** Whether the sequences are continued again later, so that the cache must be able to go back to where they end. */
  readonly isKept: boolean;
}

/** One or several sequences, each a row. */
export class SequenceBatch {
  /** Tokens of each row. */
  readonly rows: number[][];
  readonly #model: TextModel;
  readonly #options: SequenceBatchOptions;
  readonly #resources: Resources;
  /** Where in each row the cache begins; it holds no token before. */
  #starts: number[];
  /** Where in each row the cache ends; that is beyond the row's tokens while steps run ahead. */
  #cached: number[];
  readonly #ended: boolean[];

  /** @param rows tokens of each row; a row without any must get some before the first step */
  constructor(model: TextModel, rows: readonly (readonly number[])[], options: SequenceBatchOptions) {
    this.rows = rows.map((row) => [...row]);
    this.#model = model;
    this.#options = options;
    this.#resources = new Resources(this, model, options.context);
    this.#starts = rows.map(() => 0);
    this.#cached = rows.map(() => 0);
    this.#ended = rows.map(() => false);
  }

  /** The longest sequence that the model takes. */
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

  /** Forgets all that was computed; the next step computes it again. */
  dropCache(): void {
    this.#resources.replaceCache(undefined);
  }

  /** Frees everything as soon as a signal is aborted, for sequences that end with one call. */
  disposeOnAbort(signal: AbortSignal | undefined): void {
    this.#resources.disposeOnAbort(signal);
  }

  /** Holds tensors for a caller until it frees them, or until the batch is disposed. */
  hold(...tensors: readonly (Tensor | undefined)[]): void {
    this.#resources.hold(tensors.filter((tensor) => tensor !== undefined));
  }

  /** Frees tensors that were held. */
  free(...tensors: readonly (Tensor | undefined)[]): void {
    this.#resources.free(tensors.filter((tensor) => tensor !== undefined));
  }

  /**
   * The error for a token that could not be drawn; drops the cache.
   *
   * @param rows those whose logits it was to be drawn from
   * @param who what the message calls the model
   */
  async explainNothingDrawn(rows: readonly number[], who = "the model"): Promise<Error> {
    this.dropCache();
    const { context, cacheDtype } = this.#options;
    const contexts = this.backend.scope(() => rows.map((row) => context.row(row)));
    try {
      const broken = rows.map((row, i) => ({ tokens: this.rows[row] ?? [], inputs: contexts[i] ?? {}, cacheDtype }));
      return await nothingDrawn(this.#model, broken, who);
    } finally {
      for (const tensor of contexts.flatMap(tensorsOf)) tensor.dispose();
    }
  }

  /** The same sequences once more, with a cache of their own. */
  fork(): SequenceBatch {
    this.checkAlive();
    const copy = new SequenceBatch(this.#model, this.rows, { ...this.#options, context: this.#options.context.fork() });
    try {
      copy.#resources.replaceCache(this.#resources.cache?.fork(this.backend));
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
    this.#resources.dispose();
  }

  /** Whether `stepAhead` is possible, and can be taken back if the sequences are kept. */
  get canRunAhead(): boolean {
    const { cache } = this.#resources;
    if (!cache || !this.#canCache(this.#cached.map((end) => end + 1))) return false;
    return cache.canUndoSteps || !this.#options.isKept;
  }

  /**
   * Runs on the tokens that are not in the cache yet, except the last ones of each row: `step` runs on those.
   *
   * @param last tokens of each row that `step` must see
   * @throws the signal's reason once it is aborted
   */
  async prepare(signal: AbortSignal | undefined, last = 1): Promise<void> {
    signal?.throwIfAborted();
    this.checkAlive();
    if (!this.#isCached) return;
    const cache = this.#rewindCache(last);
    // A device computes a chunk while the host waits for the one before, so that an abort finds little to wait for.
    const isAhead = (this.backend.info.stepsAhead ?? 0) > 0;
    let previous: Promise<unknown> = Promise.resolve();
    for (;;) {
      const chunk = Math.max(last, this.#chunkLength(cache));
      const pending = this.#pending();
      if (largest(pending) <= chunk) return;
      const counts = pending.map((count) => Math.max(0, Math.min(count - last, chunk)));
      const sample = this.#run(this.#ids(counts), (hidden) => this.backend.slice(hidden, 0, 1));
      const reading = sample.data();
      reading.catch(() => {}); // A failure is thrown below, unless the chunk before has failed already.
      sample.dispose();
      await unlessAborted(isAhead ? previous : reading, signal);
      previous = reading;
      this.checkAlive();
    }
  }

  /**
   * Runs on the tokens that are left after `prepare`.
   *
   * @param use takes the logits [rows · last, numTokens] of each row's last positions; the tensors of its result outlive the step
   */
  step<T>(use: (logits: Tensor) => T, last = 1): T {
    return this.#isCached ? this.#runToLogits(this.#ids(this.#pending()), use, last) : this.#recompute(use);
  }

  /** Runs on one token of each row, int32 [rows], before the host knows them. */
  stepAhead<T>(tokens: Tensor, use: (logits: Tensor) => T): T {
    const counts = this.#ended.map((hasEnded) => hasEnded ? 0 : 1);
    return this.#runToLogits({ counts, make: (backend) => backend.reshape(tokens, [counts.length, 1]) }, use);
  }

  /** Whether the next step can run from the cache. Rows that have ended take part in it without a token of their own. */
  get #isCached(): boolean {
    return this.#canCache(this.rows.map((row, r) => this.hasEnded(r) ? (this.#cached[r] ?? 0) + 1 : row.length));
  }

  /** Whether rows of these lengths can be continued from a cache. */
  #canCache(lengths: readonly number[]): boolean {
    const { net } = this.#model;
    return net.canCache && (this.#options.overflow === "slide" || largest(lengths) <= net.maxSeqLen);
  }

  /** The cache, rewound to what is in the rows, without the last `last` tokens of each; a new one where it can't be. */
  #rewindCache(last: number): SequenceCache {
    const { prefixLength, maxSeqLen } = this.#model.net;
    const { cache } = this.#resources;
    const active = this.rows.flatMap((_, r) => this.hasEnded(r) ? [] : [r]);
    const ends = this.#cached.map((end, r) =>
      active.includes(r) ? Math.min(end, (this.rows[r]?.length ?? 0) - last) : end
    );
    const held = (r: number) => (ends[r] ?? 0) - (this.#starts[r] ?? 0);
    const isFar = active.some((r) => (this.rows[r]?.length ?? 0) - (ends[r] ?? 0) >= maxSeqLen);
    if (!cache || isFar) return this.#newCache();
    if (cache.isEmpty) return cache;
    const lengths = cache.lengths.map((length, r) => active.includes(r) ? held(r) + prefixLength : length);
    if (active.some((r) => held(r) <= 0) || !cache.canRewind(lengths)) return this.#newCache();
    cache.rewind(lengths);
    this.#cached = ends;
    return cache;
  }

  #newCache(): SequenceCache {
    this.dropCache(); // Two caches at once might not fit.
    this.#starts = this.rows.map((row) => Math.max(0, row.length - this.#model.net.maxSeqLen));
    this.#cached = [...this.#starts];
    const { backend, net } = this.#model;
    const cache = net.createCache(backend, this.rows.length, this.#options.capacity, this.#options.cacheDtype);
    this.#resources.replaceCache(cache);
    return cache;
  }

  /** Tokens of one row that a step can take: those that overwrite old keys must go one by one. */
  #chunkLength(cache: SequenceCache): number {
    const prefix = cache.isEmpty ? this.#model.net.prefixLength : 0;
    const free = cache.capacity - largest(cache.lengths) - prefix;
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

  /** A step; `use` takes the hidden states (rows, n, dim). */
  #run<T>({ counts, make }: StepTokens, use: (hidden: Tensor) => T): T {
    const [{ net, backend }, { cache }] = [this.#model, this.#resources];
    if (!cache) throw new ConfigError("Cannot run a step without a cache: call prepare() before it");
    const { value, step } = backend.scope(() => {
      const tokens = make(backend); // [rows, n]
      const { hidden, step } = net.step(backend, tokens, cache, this.#options.context.inputs, counts);
      return { value: use(hidden), step, kept: step.kept };
    });
    cache.commit(step);
    this.#cached = this.#cached.map((end, r) => end + (counts[r] ?? 0));
    return value;
  }

  /** Logits computed from the tokens alone, without a cache; rows that have ended get another's. */
  #recompute<T>(use: (logits: Tensor) => T): T {
    const { net, backend } = this.#model;
    const windows = this.rows.map((row) => row.slice(-net.maxSeqLen));
    const active = windows.flatMap((_, r) => this.hasEnded(r) ? [] : [r]);
    const isRectangle = active.length === windows.length && windows.every((row) => row.length === windows[0]?.length);
    const { context } = this.#options;
    return backend.scope(() => {
      if (isRectangle) {
        const hidden = this.#lastHidden(windows, context.inputs); // (b, 1, dim)
        return use(net.logits(backend, backend.reshape(hidden, [windows.length, hidden.shape[2] ?? 0])));
      }
      const parts = active.map((r) => backend.scope(() => this.#lastHidden([windows[r] ?? []], context.row(r))));
      const places = Int32Array.from(windows, (_, r) => Math.max(0, active.indexOf(r)));
      const hidden = backend.gatherRows(backend.concat(parts), backend.tensor(places, [places.length])); // (b, dim)
      return use(net.logits(backend, hidden));
    });
  }

  /** Hidden states of the last position of rows of one length: (b, 1, dim). */
  #lastHidden(rows: readonly (readonly number[])[], inputs: SequenceInputs): Tensor {
    const { net, backend } = this.#model;
    const n = rows[0]?.length ?? 0;
    const tokens = backend.tensor(Int32Array.from(rows.flat()), [rows.length, n]);
    return backend.slice(net.hidden(backend, tokens, inputs), n - 1, n);
  }

  /** @throws {DisposedError} once the batch, or its model, was disposed */
  checkAlive(): void {
    if (this.#resources.isDisposed) {
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
