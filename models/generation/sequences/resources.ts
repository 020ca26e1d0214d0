/**
 * What a batch holds on an engine while its sequences are continued. It is freed when the batch is disposed, when its
 * model is, when a signal is aborted, or when a batch that was dropped is collected by the host.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import type { SequenceCache, TextModel } from "../text_model.ts";
import type { Context } from "./context.ts";

/** Resources of the batches of each model. */
const byModel = new WeakMap<TextModel, Set<Resources>>();

/** Frees the resources of batches that were collected; undefined on hosts that don't report collection. */
const collected = typeof FinalizationRegistry === "undefined"
  ? undefined
  : new FinalizationRegistry<Resources>((resources) => resources.dispose());

/**
 * Cache, context and tensors of a batch. They hold no reference to the batch, because it could never be collected then.
 */
export class Resources {
  readonly context: Context;
  readonly #siblings: Set<Resources>;
  readonly #tensors = new Set<Tensor>();
  #cache: SequenceCache | undefined;
  #isDisposed = false;
  /** Stops listening to the signal. */
  #stopListening = () => {};

  /** @param owner The batch; when it is collected, its resources are freed. */
  constructor(owner: object, model: TextModel, context: Context) {
    this.context = context;
    this.#siblings = byModel.get(model) ?? new Set();
    byModel.set(model, this.#siblings);
    this.#siblings.add(this);
    collected?.register(owner, this, this);
  }

  /** Whether everything was freed. */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** What the network keeps of earlier tokens. */
  get cache(): SequenceCache | undefined {
    return this.#cache;
  }

  /** Takes another cache and frees the one that it had. */
  replaceCache(cache: SequenceCache | undefined): void {
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

  /** Frees everything as soon as a signal is aborted. */
  disposeOnAbort(signal: AbortSignal | undefined): void {
    if (!signal) return;
    signal.throwIfAborted();
    const dispose = () => this.dispose();
    signal.addEventListener("abort", dispose);
    this.#stopListening = () => signal.removeEventListener("abort", dispose);
  }

  /** Frees everything. A second call does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#stopListening();
    this.#siblings.delete(this);
    collected?.unregister(this);
    this.replaceCache(undefined);
    this.free([...this.#tensors]);
    this.context.dispose();
  }
}

/** Frees what the batches of a model hold: generations and sessions that are not over can't go on. */
export function disposeResources(model: TextModel): void {
  for (const resources of [...byModel.get(model) ?? []]) resources.dispose();
}

/**
 * Waits for work, but not beyond an abort.
 *
 * @throws If the signal's reason once it is aborted.
 */
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
