/**
 * What a checkpoint holds, without its values.
 *
 * @module
 */

import { sizeOf } from "../../common/shape.ts";
import type { HubOptions } from "../../data/hub/hub_options.ts";
import { type FormatName, FORMATS } from "../../formats/formats.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { ModelSource } from "./source.ts";

/**
 * A tensor of a checkpoint.
 *
 * @category Weights
 */
export interface CheckpointTensor {
  /** Sizes of its dimensions, outermost first. */
  readonly shape: readonly number[];
  /** The format of its values. */
  readonly format: FormatName;
  /** What its values take in the file. */
  readonly byteLength: number;
}

/**
 * What a checkpoint holds.
 *
 * @category Weights
 */
export interface CheckpointContents {
  /** `config.json`; not checked. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors by their names, in the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** The texts that were stored with them. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of all values. */
  readonly byteLength: number;
}

/**
 * What a checkpoint holds: its configuration, and the names, shapes and formats of its tensors. No value is read, and
 * of local files no more than their headers.
 *
 * @throws {WeightsError} Where the checkpoint can't be read.
 *
 * @example
 * ```ts
 * import { inspectCheckpoint } from "../../mod.ts";
 *
 * const { tensors } = await inspectCheckpoint("examples/shakespeare");
 * console.log(tensors.get("token_emb.emb.weight")); // { shape: [ 1024, 256 ], format: "q8_0", byteLength: 278528 }
 * ```
 *
 * @category Weights
 */
export async function inspectCheckpoint(source: ModelSource, options: HubOptions = {}): Promise<CheckpointContents> {
  const { config, weights } = await openCheckpoint(source, options);
  await weights.close();
  const tensors = new Map([...weights.tensors.values()].map(({ name, shape, format }) => {
    const { blockBytes, blockSize } = FORMATS[format];
    return [name, { shape, format, byteLength: sizeOf(shape) / blockSize * blockBytes }] as const;
  }));
  const { metadata, byteLength } = weights;
  return { config, tensors, metadata, byteLength };
}
