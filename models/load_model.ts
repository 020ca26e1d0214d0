/**
 * Loads a checkpoint into the class that its configuration names.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { Andromeda } from "./families/andromeda.ts";
import { GPT2 } from "./families/gpt2.ts";
import { GPT4 } from "./families/gpt4.ts";
import { Llama } from "./families/llama.ts";
import { PalmE } from "./families/palme.ts";
import { Transformer } from "./families/transformer.ts";
import { ViTransformerWrapper } from "./families/vit.ts";
import type { LanguageModel } from "./language/language_model.ts";
import type { ModelOptions } from "./model.ts";
import { type Checkpoint, openCheckpoint } from "./weights/checkpoint.ts";
import type { ModelSource } from "./weights/source.ts";

/**
 * A model of any class.
 *
 * @category Models
 */
export type AnyModel = Andromeda | GPT2 | GPT4 | Llama | PalmE | Transformer | ViTransformerWrapper;

/** How checkpoints are opened, by `model_type`. */
type Openers<M> = Readonly<Record<string, (checkpoint: Checkpoint, options: ModelOptions) => Promise<M>>>;

const LANGUAGE_MODELS: Openers<LanguageModel & AnyModel> = {
  andromeda: (checkpoint, options) => Andromeda.open(checkpoint, options),
  gpt2: (checkpoint, options) => GPT2.open(checkpoint, options),
  gpt4: (checkpoint, options) => GPT4.open(checkpoint, options),
  llama: (checkpoint, options) => Llama.open(checkpoint, options),
  transformer: (checkpoint, options) => Transformer.open(checkpoint, options),
};

const MODELS: Openers<AnyModel> = {
  ...LANGUAGE_MODELS,
  palme: (checkpoint, options) => PalmE.open(checkpoint, options),
  vit: (checkpoint, options) => ViTransformerWrapper.open(checkpoint, options),
};

/**
 * A model from a checkpoint, of the class that `model_type` in its configuration names.
 *
 * @throws {ConfigError} Where the configuration names none, or one that does not exist.
 * @throws {WeightsError} Where the checkpoint can't be read or does not fit its configuration.
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
  return await load(source, options, MODELS);
}

/**
 * A language model from a checkpoint: as `loadModel` does, but of no class that needs more than a text to continue it.
 *
 * @throws {ConfigError} Where the configuration names another class; its weights are not read then.
 * @throws {WeightsError} Where the checkpoint can't be read or does not fit its configuration.
 *
 * @example
 * ```ts
 * import { loadLanguageModel } from "../mod.ts";
 *
 * const model = await loadLanguageModel("examples/shakespeare");
 * for await (const token of model.generate([1, 2, 3], { maxNewTokens: 1 })) console.log(typeof token); // number
 * model.dispose();
 * ```
 *
 * @category Models
 */
export async function loadLanguageModel(source: ModelSource, options: ModelOptions = {}): Promise<LanguageModel> {
  return await load(source, options, LANGUAGE_MODELS);
}

async function load<M>(source: ModelSource, options: ModelOptions, openers: Openers<M>): Promise<M> {
  const checkpoint = await openCheckpoint(source, options);
  const type = checkpoint.config["model_type"] ?? checkpoint.config["modelType"];
  const open = typeof type === "string" && Object.hasOwn(openers, type) ? openers[type] : undefined;
  if (!open) {
    await checkpoint.weights.close();
    throw new ConfigError(
      `Cannot load a model of model_type ${JSON.stringify(type)}: expected one of ${Object.keys(openers).join(", ")}`,
    );
  }
  return await open(checkpoint, options);
}
