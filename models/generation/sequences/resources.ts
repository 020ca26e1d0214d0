/**
 * What texts hold on an engine while they are continued, and who frees it: whoever continues them, when that ends; before,
 * the model if it is disposed, or a signal that is aborted; and the host's garbage collection where texts are dropped.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import type { KvCache } from "../../network/kv_cache.ts";
import type { Context } from "./context.ts";
import type { TextModel } from "../text_model.ts";

/** What the texts of each model hold. */
const living = new WeakMap<TextModel, Set<Holdings>>();

/** Frees what belonged to texts that are gone. Absent on hosts that don't tell. */
const collected = typeof FinalizationRegistry === "undefined"
  ? undefined
  : new FinalizationRegistry<Holdings>((holdings) => holdings.dispose());

/** Cache, context and tensors of texts. It must not know these: they could never be collected. */
export class Holdings {
  readonly context: Context;
  readonly #siblings: Set<Holdings>;
  readonly #tensors = new Set<Tensor>();
  #cache: KvCache | undefined;
  #isDisposed = false;
  /** Leaves the signal alone. */
  #unbind = () => {};

  /** @param owner when this is collected, what it holds is freed */
  constructor(owner: object, model: TextModel, context: Context) {
    this.context = context;
    this.#siblings = living.get(model) ?? new Set();
    living.set(model, this.#siblings);
    this.#siblings.add(this);
    collected?.register(owner, this, this);
  }

  /** Whether it was all freed. */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Keys and values. */
  get cache(): KvCache | undefined {
    return this.#cache;
  }

  /** Takes another cache and frees the one before. */
  replaceCache(cache: KvCache | undefined): void {
    this.#cache?.dispose();
    this.#cache = cache;
  }

  /** Holds tensors until they are freed here. */
  hold(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) this.#tensors.add(tensor);
  }

  /** Frees tensors that were held. */
  free(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      this.#tensors.delete(tensor);
      tensor.dispose();
    }
  }

  /** Has everything freed as soon as a signal is aborted. */
  bind(signal: AbortSignal | undefined): void {
    if (!signal) return;
    signal.throwIfAborted();
    const dispose = () => this.dispose();
    signal.addEventListener("abort", dispose);
    this.#unbind = () => signal.removeEventListener("abort", dispose);
  }

  /** Frees everything. A second call does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#unbind();
    this.#siblings.delete(this);
    collected?.unregister(this);
    this.replaceCache(undefined);
    this.free([...this.#tensors]);
    this.context.dispose();
  }
}

/** Frees what the texts of a model hold: generations and sessions that are not over can't go on. */
export function disposeHoldings(model: TextModel): void {
  for (const holdings of [...living.get(model) ?? []]) holdings.dispose();
}

/** Waits for work, but not beyond an abort. @throws the signal's reason once it is aborted */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
