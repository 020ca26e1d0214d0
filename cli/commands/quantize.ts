/**
 * `andromeda quantize`: a model in another format, complete in a folder of its own.
 *
 * @module
 */

import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { required } from "../flags/flag.ts";
import { keyOf, path } from "../flags/readers.ts";
import { json, model, WEIGHT_FORMATS } from "../flags/shared.ts";
import { quote, UsageError } from "../flags/usage_error.ts";
import { library } from "../library.ts";
import { openAnyModel, placeOf, withBar, withEngine } from "../support/open.ts";
import { showBytes } from "../support/sizes.ts";
import { print, printJson } from "../terminal/output.ts";

/** Files that belong to a model beside its configuration and weights. */
const COMPANIONS = [
  ...["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
  ...["generation_config.json", "chat_template.jinja", "preprocessor_config.json"],
  ...["vocab.json", "merges.txt", "tokenizer.model", "README.md", "LICENSE"],
];

/** The command. */
export const quantize = defineCommand({
  name: "quantize",
  summary: "Write a model in another format, with its tokenizer",
  details:
    "Matrices and the token embedding are rounded; norms, biases and positions stay in f32. The folder is complete or is not there.",
  examples: ["./mine --dtype q8_0 --output ./mine-q8", "org/name --dtype q4_0 --output ./small"],
  flags: {
    model,
    dtype: required("<format>", "the format of the weights", keyOf(WEIGHT_FORMATS)),
    output: required("<folder>", "where it is written; a folder that is there must be empty", path),
    json,
  },
  bare: "model",
  run: async ({ model, dtype, output, json }, { signal }) => {
    const place = placeOf(model);
    const folder = resolve(output);
    await checkFree(folder, output);
    const unfinished = join(dirname(folder), `.${basename(folder)}.${crypto.randomUUID()}`);
    try {
      await mkdir(unfinished, { recursive: true });
      const companions = await copyCompanions(place, unfinished, signal);
      const parameters = await withEngine({ backend: "wasm" }, async (backend) => {
        const loaded = await openAnyModel(place, { backend, dtype, signal });
        await withBar((onProgress) => loaded.save(unfinished, { signal, onProgress }));
        return loaded.parameterCount;
      });
      const { inspectCheckpoint } = await library();
      const { byteLength: bytes } = await inspectCheckpoint(unfinished);
      signal.throwIfAborted();
      await rmdir(folder).catch(() => {}); // an empty one, over which some hosts rename nothing
      await rename(unfinished, folder);
      const report = { model: place, output: folder, dtype, parameters, bytes, companions };
      if (json) await printJson(report);
      else await print(`${output}: ${dtype}, ${showBytes(bytes)}, with ${companions.join(", ") || "no tokenizer"}\n`);
      return 0;
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  },
});

/** @throws {UsageError} If something is in the folder. */
async function checkFree(folder: string, typed: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && Reflect.get(error, "code") === "ENOENT") return [];
    throw error;
  });
  if (names.length > 0) throw new UsageError(`--output ${quote(typed)} is not empty: give a folder of its own`);
}

/** Copies what belongs to a model. */
async function copyCompanions(place: string, folder: string, signal: AbortSignal): Promise<string[]> {
  const { readModelFile } = await library();
  const copied: string[] = [];
  for (const name of COMPANIONS) {
    const bytes = await withBar((onProgress) => readModelFile(place, name, { signal, onProgress }));
    if (bytes === undefined) continue;
    await writeFile(join(folder, name), bytes);
    copied.push(name);
  }
  return copied;
}
