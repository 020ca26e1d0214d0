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
import type { Tensor } from "../../../backend/memory.ts";
import { eventLoopTurn } from "../../../common/event_loop.ts";
import { ConfigError, DisposedError } from "../../../errors.ts";
import { largest } from "../../language/largest.ts";
import type { TextModel } from "../text_model.ts";
import { type CacheOptions, CacheWindow } from "./cache_window.ts";
import { type Context, tensorsOf } from "./context.ts";
import { nothingDrawn } from "./not_finite.ts";
import type { Overflow } from "./overflow.ts";
import { Resources, unlessAborted } from "./resources.ts";
import { runWhole } from "./whole_pass.ts";

/** The most tokens of all rows in one step. It bounds the memory of a step, and the time until an abort is noticed. */
export const CHUNK = 256;

/** What a batch has beside its tokens. */
export interface SequenceBatchOptions extends CacheOptions {
  /** How sequences go on beyond the longest that the model takes. */
  readonly overflow: Overflow;
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
  readonly #window: CacheWindow;
  readonly #ended: boolean[];
  /** Whether the last step ran from the cache, which then holds all that came before it. */
  #ranFromCache = false;

  /** @param rows Tokens of each row; a row without any must get some before the first step. */
  constructor(model: TextModel, rows: readonly (readonly number[])[], options: SequenceBatchOptions) {
    this.rows = rows.map((row) => [...row]);
    this.#model = model;
    this.#options = options;
    this.#resources = new Resources(this, model, options.context);
    this.#window = new CacheWindow(model, rows.length, options, this.#resources);
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
    this.#window.truncate(row, length);
  }

  /** Forgets what was computed beyond the rows' tokens, and that rows have ended. */
  settle(): void {
    for (const [r, row] of this.rows.entries()) this.truncate(r, row.length);
    this.#ended.fill(false);
  }

  /** Forgets all that was computed; the next step computes it again. */
  dropCache(): void {
    this.#window.drop();
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
   * @param rows Those whose logits it was to be drawn from.
   * @param who The message's name for the model.
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
      copy.#window.copy(this.#window);
    } catch (error) {
      copy.dispose();
      throw error;
    }
    return copy;
  }

  /** Frees the cache and the context. */
  dispose(): void {
    this.#resources.dispose();
  }

  /** Whether `stepAhead` is possible, and can be taken back if the sequences are kept. */
  get canRunAhead(): boolean {
    const { cache, ends } = this.#window;
    if (!cache || !this.#ranFromCache || !this.#canCache(ends.map((end) => end + 1))) return false;
    return cache.canUndoSteps || !this.#options.isKept;
  }

  /**
   * Runs on the tokens that are not in the cache yet, except the last ones of each row: `step` runs on those.
   *
   * @param last Tokens of each row that `step` must see.
   * @throws If the signal's reason once it is aborted.
   */
  async prepare(signal: AbortSignal | undefined, last = 1): Promise<void> {
    signal?.throwIfAborted();
    this.checkAlive();
    if (!this.#isCached) return;
    const cache = this.#window.align(this.rows.map((row) => row.length), this.#ended, last);
    // A page is drawn between the making of a cache and the first step, which may be a program's first and slow.
    if (cache.isEmpty) {
      await unlessAborted(eventLoopTurn(), signal);
      this.checkAlive();
    }
    // A device computes a chunk while the host waits for the one before, so that an abort finds little to wait for.
    const isAhead = (this.backend.info.stepsAhead ?? 0) > 0;
    let previous: Promise<unknown> = Promise.resolve();
    for (;;) {
      const share = Math.max(1, Math.floor(CHUNK / this.rows.length));
      const chunk = Math.max(last, Math.min(this.#window.freeTokens, share));
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
   * @param use Takes the logits [rows · last, numTokens] of each row's last positions; the tensors of its result
   * outlive the step.
   */
  step<T>(use: (logits: Tensor) => T, last = 1): T {
    this.#ranFromCache = this.#isCached;
    if (this.#ranFromCache) return this.#runToLogits(this.#ids(this.#pending()), use, last);
    return runWhole(this.#model, this.rows, this.#ended, this.#options.context, use);
  }

  /** Runs on one token of each row, int32 [rows], before the host knows them. */
  stepAhead<T>(tokens: Tensor, use: (logits: Tensor) => T): T {
    const counts = this.#ended.map((hasEnded) => hasEnded ? 0 : 1);
    return this.#runToLogits({ counts, make: (backend) => backend.reshape(tokens, [counts.length, 1]) }, use);
  }

  /**
   * Whether the next step can run from the cache. Rows that have ended take part in it without a token of their own.
   */
  get #isCached(): boolean {
    const { ends } = this.#window;
    return this.#canCache(this.rows.map((row, r) => this.hasEnded(r) ? (ends[r] ?? 0) + 1 : row.length));
  }

  /** Whether rows of these lengths can be continued from a cache. */
  #canCache(lengths: readonly number[]): boolean {
    const { net } = this.#model;
    return net.canCache && (this.#options.overflow === "slide" || largest(lengths) <= net.maxSeqLen);
  }

  /** Tokens of each row that are not in the cache. */
  #pending(): number[] {
    const { ends } = this.#window;
    return this.rows.map((row, r) => this.hasEnded(r) ? 0 : row.length - (ends[r] ?? 0));
  }

  /** The next `counts` tokens of each row, padded on the right. */
  #ids(counts: readonly number[]): StepTokens {
    const n = largest(counts);
    const ids = new Int32Array(counts.length * n);
    for (const [r, count] of counts.entries()) {
      const from = this.#window.ends[r] ?? 0;
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
    const [{ net, backend }, { cache }] = [this.#model, this.#window];
    if (!cache) throw new ConfigError("Cannot run a step without a cache: call prepare() before it");
    const { value, step } = backend.scope(() => {
      const tokens = make(backend); // [rows, n]
      const { hidden, step } = net.step(backend, tokens, cache, this.#options.context.inputs, counts);
      return { value: use(hidden), step, kept: step.kept };
    });
    cache.commit(step);
    this.#window.advance(counts);
    return value;
  }

  /** @throws {DisposedError} Once the batch, or its model, was disposed. */
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
