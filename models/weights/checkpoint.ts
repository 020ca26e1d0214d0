/**
 * A checkpoint as a configuration and a reader of its weights.
 *
 * @module
 */

import type { HubOptions } from "../../data/hub/hub.ts";
import type { Reference } from "../config/transformer_config.ts";
import { candidates } from "./match.ts";
import type { WeightsReader } from "./reader.ts";
import { type ModelSource, openModel } from "./source.ts";

/** A checkpoint that is open. */
export interface Checkpoint {
  /** `config.json`, with the reference that the names of the weights tell. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The weights. */
  readonly weights: WeightsReader;
  /** Opens the weights once more; absent where they came from a stream. */
  readonly reopen: (() => Promise<WeightsReader>) | undefined;
}

/**
 * Opens a checkpoint. Where its configuration names no reference, the names of the weights tell which it is.
 *
 * @throws {WeightsError} where there is nothing to read
 */
export async function openCheckpoint(
  source: ModelSource,
  options: HubOptions & { readonly revision?: string | undefined },
): Promise<Checkpoint> {
  const { revision } = options;
  const isRepo = typeof source === "string" && revision !== undefined;
  const location = isRepo ? { repo: source, revision } : source;
  const { config, weights } = await openModel(location, options);
  const reference = config["reference"] ?? referenceOf(weights.tensors.keys());
  const later = { ...options, signal: undefined, onProgress: undefined };
  const reopen = isStream(location) ? undefined : async () => (await openModel(location, later)).weights;
  const { x_transformers_version: saved } = weights.metadata;
  const version = "xTransformersVersion" in config ? {} : { x_transformers_version: saved };
  return { config: { ...version, ...config, reference }, weights, reopen };
}

/** Whether a source can be read only once. */
function isStream(source: ModelSource): boolean {
  if (typeof source !== "object" || !("weights" in source)) return false;
  return source.weights instanceof Response || source.weights instanceof ReadableStream;
}

/** zeta's norms and logits have biases, x-transformers' have none, and call their gain gamma. */
function referenceOf(names: Iterable<string>): Reference {
  for (const name of names) {
    const bare = candidates(name).at(-1) ?? name;
    if (
      /(^|\.)to_logits\.bias$|layers\.\d+\.0\.[012]\.bias$|final_norm\.bias$|patch_to_embedding\.[02]\.bias$/.test(bare)
    ) {
      return "zeta";
    }
  }
  return "x-transformers";
}
