/**
 * Flags of several commands.
 *
 * @module
 */

import type { CacheFormat, WeightFormat } from "../../mod.ts";
import { fallingBack, type Flag, optional, toggle } from "./flag.ts";
import { keyOf, modelSource, wholeNumber } from "./readers.ts";

/** The formats of weights, and about how many bytes a value takes in each. */
export const WEIGHT_FORMATS: Readonly<Record<WeightFormat, number>> = { f32: 4, f16: 2, q8_0: 1.1, q4_0: 0.6 };

/** The formats of keys and values. */
const CACHE_FORMATS: Readonly<Record<CacheFormat, true>> = { f32: true, f16: true, q8_0: true };

/** The names that an engine can be asked for by. */
export const ENGINES = { auto: true, wasm: true, webgpu: true } as const;

/** The name of an engine, or "auto". */
export type EngineName = keyof typeof ENGINES;

/** The model. */
export const model: Flag<string | undefined> = optional(
  "<model>",
  "a folder, a URL or org/name on the Hugging Face Hub; default: the Shakespeare model of the repository",
  modelSource,
);

/** Where it runs and how its weights are held. */
export const engine = {
  backend: fallingBack(
    "<engine>",
    "what computes; auto takes webgpu on a hardware GPU, else wasm",
    keyOf(ENGINES),
    "auto",
  ),
  threads: optional("<n>", "threads of the CPU engine; default: one a core, up to 16", wholeNumber(1, 64)),
  dtype: optional("<format>", "how weights are held in memory; default: as in the file", keyOf(WEIGHT_FORMATS)),
};

/** How keys and values are kept. */
export const cacheDtype = fallingBack("<format>", "how keys and values are kept", keyOf(CACHE_FORMATS), "f32");

/** JSON instead of text. */
export const json: Flag<boolean | undefined> = toggle("print one JSON object");
