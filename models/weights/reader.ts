/**
 * What models read checkpoints through, whatever kind of file these are.
 *
 * @module
 */

import type { FormatName } from "../../formats/formats.ts";
import type { StoredRows } from "../../formats/rows.ts";

/** What a checkpoint says about a tensor. */
export interface WeightsEntry {
  /** Its name. */
  readonly name: string;
  /** Sizes of its dimensions, outermost first. */
  readonly shape: readonly number[];
  /** The format of its values. */
  readonly format: FormatName;
}

/** Values of a tensor, some or all, in the format that they are stored in. */
export interface WeightsChunk extends WeightsEntry, StoredRows {
  /** How many of the tensor's values came before these. */
  readonly offset: number;
  /** The values as they are stored, row-major. They are overwritten when the next chunk is asked for. */
  readonly bytes: Uint8Array;
  /** The values in f32, converted when they are asked for; overwritten as `bytes` are. */
  readonly values: Float32Array;
}

/** A checkpoint that has said what it holds. One that comes from a stream can be read once. */
export interface WeightsReader {
  /** What messages call it. */
  readonly name: string;
  /** What it holds, by name, in the order in which `chunks` gives it. */
  readonly tensors: ReadonlyMap<string, WeightsEntry>;
  /** The texts that were stored with it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of all values. */
  readonly byteLength: number;
  /**
   * The values of every tensor. A tensor of up to 2^20 values comes in one chunk, a larger one in chunks of whole rows
   * (of its last dimension); only a row that is longer than a chunk is cut, between blocks. An empty tensor comes as an
   * empty chunk.
   *
   * @throws {WeightsError} If the file ends early, or goes on behind its last value.
   */
  chunks(): AsyncGenerator<WeightsChunk>;
  /** Frees what is held for reading; needed only where `chunks` is not run through. */
  close(): Promise<void>;
}
