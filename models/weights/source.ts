/**
 * Finding a model: its configuration, its weights and the files beside them, wherever they are.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import type { ByteSource } from "../../data/files/byte_source.ts";
import { type FileSet, openTogether } from "../../data/files/files.ts";
import type { FileLocation } from "../../data/files/place.ts";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import { readJsonFile } from "./json_file.ts";
import type { WeightsReader } from "./reader.ts";
import { openSafetensors, openWeights, type SafetensorsSource } from "./safetensors/read.ts";

/**
 * A configuration at hand and weights from anywhere.
 *
 * @category Weights
 */
export interface ModelParts {
  /** What `config.json` would say, in snake_case or camelCase. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The weights: bytes, a Blob, a Response or a stream; or where they are. */
  readonly weights: SafetensorsSource;
}

/**
 * Where a model is: a folder with `config.json` and `model.safetensors` or its sharded index, or one of these files; a
 * URL of either; "org/name" or "org/name@revision" on the Hugging Face Hub; a repository with its revision; or its
 * parts.
 *
 * @category Weights
 */
export type ModelSource = FileLocation | ModelParts;

/** A model that was found. */
export interface ModelFiles {
  /** Where it is, for messages. */
  readonly description: string;
  /** What `config.json` says, in snake_case or camelCase; not checked yet. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The weights; their header has been read and checked. Close them if you don't read them. */
  readonly weights: WeightsReader;
  /** A file beside the others, such as "tokenizer.json", or nothing if there is none. */
  file(name: string): Promise<ByteSource | undefined>;
}

/**
 * Finds a model, reads its configuration and opens its weights.
 *
 * @throws {ConfigError} If the source is of no kind that there is.
 * @throws {WeightsError} If something is missing, can't be read or is not valid.
 */
export async function openModel(source: ModelSource, options: HubOptions = {}): Promise<ModelFiles> {
  options.signal?.throwIfAborted();
  if (!isSource(source)) {
    throw new ConfigError(
      `Cannot open a model from ${show(source)}: give a folder, a file, a URL, "org/name" or { config, weights }`,
    );
  }
  if (typeof source === "object" && "weights" in source) {
    if (!isRecord(source.config)) {
      throw new WeightsError("Cannot open a model: its `config` is no object; give what config.json holds");
    }
    return {
      description: "the given model",
      config: source.config,
      weights: await openSafetensors(source.weights, options),
      file: () => Promise.resolve(undefined),
    };
  }
  const located = { ...options, errorClass: WeightsError };
  return await openTogether(source, located, (files) => openFound(files, options), ({ weights }) => weights.close());
}

/** Whether a caller gave what can be a model's place or its parts. */
function isSource(source: unknown): boolean {
  return typeof source === "string" || source instanceof URL ||
    (isRecord(source) && ("weights" in source || "repo" in source));
}

async function openFound(files: FileSet, options: HubOptions): Promise<ModelFiles> {
  const configFile = await files.open("config.json");
  if (configFile === undefined) {
    throw new WeightsError(
      `Cannot open a model: there is no config.json ${files.file === undefined ? "in" : "beside"} ` +
        `${files.description}; give a folder with config.json and weights, or { config, weights }`,
    );
  }
  return {
    description: files.description,
    config: await readJsonFile(configFile, options.signal),
    weights: await openWeights(files, options),
    file: files.open,
  };
}
