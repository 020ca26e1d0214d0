/**
 * Loads a checkpoint into the class that its configuration names.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { Andromeda } from "./families/andromeda.ts";
import { GPT4 } from "./families/gpt4.ts";
import { PalmE } from "./families/palme.ts";
import { Transformer } from "./families/transformer.ts";
import { ViTransformerWrapper } from "./families/vit.ts";
import type { ModelOptions } from "./model.ts";
import { openCheckpoint } from "./weights/checkpoint.ts";
import type { ModelSource } from "./weights/source.ts";

/**
 * A model of any class.
 *
 * @category Models
 */
export type AnyModel = Andromeda | GPT4 | PalmE | Transformer | ViTransformerWrapper;

/** The classes by `model_type`. */
const classes = {
  andromeda: Andromeda,
  gpt4: GPT4,
  palme: PalmE,
  transformer: Transformer,
  vit: ViTransformerWrapper,
} as const;

/**
 * A model from a checkpoint, of the class that `model_type` in its configuration names.
 *
 * @throws {ConfigError} where the configuration names none, or one that does not exist
 * @throws {WeightsError} where the checkpoint can't be read or does not fit its configuration
 *
 * @example
 * ```ts
 * import { loadModel } from "../mod.ts";
 *
 * const model = await loadModel("examples/shakespeare"); // or a URL, or "org/name" on the hub
 * console.log(model.modelType); // andromeda
 * model.dispose();
 * ```
 *
 * @category Models
 */
export async function loadModel(source: ModelSource, options: ModelOptions = {}): Promise<AnyModel> {
  const checkpoint = await openCheckpoint(source, options);
  const type = checkpoint.config["model_type"] ?? checkpoint.config["modelType"];
  const found = Object.entries(classes).find(([name]) => name === type);
  if (!found) {
    await checkpoint.weights.close();
    throw new ConfigError(
      `Cannot load a model of model_type ${JSON.stringify(type)}: expected one of ${Object.keys(classes).join(", ")}`,
    );
  }
  return await found[1].open(checkpoint, options);
}
