/**
 * A checkpoint as a configuration and a reader of its weights.
 *
 * @module
 */

import type { HubOptions } from "../../data/hub/hub_options.ts";
import type { WeightsReader } from "./reader.ts";
import { type ModelSource, openModel } from "./source.ts";

/** A checkpoint that is open. */
export interface Checkpoint {
  /** `config.json`, in snake_case or camelCase; not checked yet. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The weights. */
  readonly weights: WeightsReader;
  /** Opens the weights once more; absent where they came from a stream. */
  readonly reopen: (() => Promise<WeightsReader>) | undefined;
}

/**
 * Opens a checkpoint.
 *
 * @throws {WeightsError} Where there is nothing to read.
 */
export async function openCheckpoint(
  source: ModelSource,
  options: HubOptions & { readonly revision?: string | undefined },
): Promise<Checkpoint> {
  const { revision } = options;
  const isRepo = typeof source === "string" && revision !== undefined;
  const location = isRepo ? { repo: source, revision } : source;
  const { config, weights } = await openModel(location, options);
  const later = { ...options, signal: undefined, onProgress: undefined };
  const reopen = isStream(location) ? undefined : async () => (await openModel(location, later)).weights;
  return { config, weights, reopen };
}

/** Whether a source can be read only once. */
function isStream(source: ModelSource): boolean {
  if (typeof source !== "object" || !("weights" in source)) return false;
  return source.weights instanceof Response || source.weights instanceof ReadableStream;
}
