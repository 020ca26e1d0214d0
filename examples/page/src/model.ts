/**
 * A model in memory: its engine, its tokenizer and its weights, loaded and freed together.
 *
 * @module
 */

import {
  AndromedaTokenizer,
  type Backend,
  createBackend,
  type Fetch,
  type LanguageModel,
  loadLanguageModel,
  type Progress,
  type WeightFormat,
} from "@andromeda/runtime";
import workerUrl from "@andromeda/runtime/worker.js?url";
import { keptFetch } from "./kept_files.ts";

/** Where a model is. */
export interface ModelPlace {
  /** Its name for people. */
  readonly name: string;
  readonly model: string;
  readonly tokenizer: string;
  /** Fetches its files; absent for those of the Hub, which the library keeps itself. */
  readonly fetch?: Fetch;
}

/** How a model is held. */
export interface ModelChoices {
  readonly engine: "auto" | "wasm" | "webgpu";
  /** Absent: as the file has them. */
  readonly dtype: WeightFormat | undefined;
}

/** A model that can write. */
export interface LoadedModel {
  readonly name: string;
  readonly backend: Backend;
  readonly tokenizer: AndromedaTokenizer;
  readonly model: LanguageModel;
}

/** The place that a person types: a URL, a path of this server, or a name on the Hub. */
export function placeOf(location: string): ModelPlace {
  const isUrl = /^(https?:|\.{0,2}\/)/.test(location);
  return {
    name: location.replace(/\/*$/, "").split("/").slice(isUrl ? -1 : -2).join("/"),
    model: location,
    tokenizer: location.replace(/[^/]*\.(safetensors|json)$/, ""),
    ...isUrl ? { fetch: keptFetch } : {},
  };
}

/** Starts an engine. */
export function startEngine({ engine }: ModelChoices): Promise<Backend> {
  return createBackend(engine, { workerUrl });
}

/** Loads a model onto an engine. A failed or aborted call frees the engine and leaves nothing behind. */
export async function loadModel(
  { name, fetch, ...place }: ModelPlace,
  backend: Backend,
  dtype: WeightFormat | undefined,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: Progress) => void },
): Promise<LoadedModel> {
  try {
    const tokenizer = await AndromedaTokenizer.load(place.tokenizer, { ...options, fetch });
    const model = await loadLanguageModel(place.model, { ...options, fetch, backend, dtype });
    // On a GPU this compiles the kernels, so that the first token does not wait for them.
    await model.warmUp();
    options.signal.throwIfAborted();
    return { name, backend, tokenizer, model };
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** Frees all of it. */
export function freeModel({ model, backend }: LoadedModel): void {
  model.dispose();
  backend.dispose();
}
