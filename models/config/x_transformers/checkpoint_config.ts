/**
 * What the weights of a checkpoint of zeta or x-transformers say beside its configuration.
 *
 * @module
 */

import type { Checkpoint } from "../../weights/checkpoint.ts";
import { candidates } from "../../weights/match.ts";
import type { Reference } from "../transformer_options.ts";

/**
 * A checkpoint's configuration, with the version that its weights carry, and the reference: where it names none, the
 * names of the weights tell which it is.
 */
export function checkpointConfig({ config, weights }: Checkpoint): Readonly<Record<string, unknown>> {
  const { x_transformers_version: saved } = weights.metadata;
  const version = "xTransformersVersion" in config ? {} : { x_transformers_version: saved };
  return { ...version, ...config, reference: config["reference"] ?? referenceOf(weights.tensors.keys()) };
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
