/**
 * Models whose configuration and values all say the same number, so that a mixture of two shows.
 *
 * @module
 */

import { saveModel } from "../../../models/weights/save.ts";
import { openModel } from "../../../models/weights/source.ts";

/** How a generation is cut into files. */
export interface Generation {
  readonly number: number;
  readonly shards: number;
}

/** Bytes of a tensor: a shard takes one. */
const TENSOR_BYTES = 400;

/** Saves a generation as models are saved. */
export async function saveGeneration(folder: string, { number, shards }: Generation): Promise<void> {
  const buffers = Array.from({ length: Math.max(shards, 2) }, (_, i) => ({
    name: `w${i}`,
    shape: [100],
    values: () => new Float32Array(100).fill(number),
  }));
  const shardBytes = shards === 1 ? undefined : TENSOR_BYTES;
  await saveModel(folder, { number, count: buffers.length }, [], buffers, { shardBytes });
}

/** The number of the generation that a folder holds. Fails where it holds none, a part, or parts of several. */
export async function loadGeneration(folder: string): Promise<number> {
  const { config, weights } = await openModel(folder);
  const { number, count } = config;
  if (weights.tensors.size !== count) {
    await weights.close();
    throw new Error(`the configuration of ${number} beside ${weights.tensors.size} tensors`);
  }
  for await (const { name, values } of weights.chunks()) {
    const other = values.find((value) => value !== number);
    if (other !== undefined) throw new Error(`the configuration of ${number} beside ${name} of ${other}`);
  }
  return Number(number);
}

/** The files that a generation makes, sorted. */
export function filesOf({ shards }: Generation): string[] {
  if (shards === 1) return ["config.json", "model.safetensors"];
  const digits = (n: number) => String(n).padStart(5, "0");
  const names = Array.from({ length: shards }, (_, i) => `model-${digits(i + 1)}-of-${digits(shards)}.safetensors`);
  return ["config.json", ...names, "model.safetensors.index.json"];
}
