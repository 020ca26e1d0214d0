/**
 * The bytes of one file among those that belong together.
 *
 * @module
 */

import type { HubOptions } from "../hub/hub_options.ts";
import { readAll } from "./byte_source.ts";
import { openFileSet } from "./files.ts";
import type { FileLocation } from "./place.ts";

/**
 * The bytes of a file beside a model's, such as "generation_config.json", from wherever the model is.
 *
 * @param location Where the model is.
 * @param name The file's name there.
 * @param options How it is fetched.
 * @returns Its bytes; undefined where there is no such file.
 * @throws {WeightsError} If there is no such place, or the file can't be read.
 *
 * @example
 * ```ts
 * import { readModelFile } from "../../mod.ts";
 *
 * const bytes = await readModelFile("examples/shakespeare", "config.json");
 * console.log(JSON.parse(new TextDecoder().decode(bytes)).model_type); // andromeda
 * ```
 *
 * @category Data
 */
export async function readModelFile(
  location: FileLocation,
  name: string,
  options: HubOptions = {},
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const files = await openFileSet(location, options);
  const source = await files.open(name);
  return source === undefined ? undefined : await readAll(source, options.signal);
}
