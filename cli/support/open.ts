/**
 * Starting engines and loading models, with a bar where that takes long.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AndromedaTokenizer, AnyModel, Backend, BackendOptions, LanguageModel, WeightFormat } from "../../mod.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { EngineName } from "../flags/shared.ts";
import { DEMO_MODEL, library } from "../library.ts";
import { keepMesaQuiet } from "../terminal/mesa.ts";
import { ProgressBar } from "../terminal/progress.ts";

/** How a model is loaded. */
export interface LoadOptions {
  readonly backend: Backend;
  readonly dtype?: WeightFormat | undefined;
  readonly signal: AbortSignal;
}

/**
 * The place of the model that a command line names, or of the one that comes with the repository.
 *
 * @throws {UsageError} Where it names none, and none comes with this.
 */
export function placeOf(model: string | undefined): string {
  if (model !== undefined) return model;
  if (DEMO_MODEL.protocol === "file:" && existsSync(DEMO_MODEL)) return fileURLToPath(DEMO_MODEL);
  throw new UsageError("Missing --model <model>: a folder, a URL or org/name on the Hugging Face Hub");
}

/** How an engine is started. */
export interface EngineOptions extends Pick<BackendOptions, "threads" | "inWorker"> {
  readonly backend: EngineName;
}

/** Runs something with an engine, which is disposed of then. */
export async function withEngine<T>(
  { backend: name, threads, inWorker }: EngineOptions,
  use: (backend: Backend) => Promise<T>,
): Promise<T> {
  keepMesaQuiet();
  const { createBackend } = await library();
  const backend = await createBackend(name, { threads, inWorker });
  try {
    return await use(backend);
  } finally {
    backend.dispose();
  }
}

/** Loads a model that continues texts. */
export async function openLanguageModel(place: string, options: LoadOptions): Promise<LanguageModel> {
  const { loadLanguageModel } = await library();
  return await withBar((onProgress) => loadLanguageModel(place, { ...options, onProgress }));
}

/** Loads a model of any class. */
export async function openAnyModel(place: string, options: LoadOptions): Promise<AnyModel> {
  const { loadModel } = await library();
  return await withBar((onProgress) => loadModel(place, { ...options, onProgress }));
}

/** Loads a model's tokenizer. */
export async function openTokenizer(place: string, signal: AbortSignal): Promise<AndromedaTokenizer> {
  const { AndromedaTokenizer } = await library();
  return await withBar((onProgress) => AndromedaTokenizer.load(place, { signal, onProgress }));
}

/** Runs something that tells how far it is, and shows that. */
export async function withBar<T>(work: (onProgress: ProgressBar["show"]) => Promise<T>): Promise<T> {
  const bar = new ProgressBar();
  try {
    return await work(bar.show);
  } finally {
    bar.stop();
  }
}
