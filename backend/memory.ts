/**
 * Tensors, the formats of their values, and the memory that an engine holds for them.
 *
 * @module
 */

import type { CACHE_FORMATS, WEIGHT_FORMATS } from "../formats/formats.ts";
import type { StoredRows } from "../formats/rows.ts";
import type { Backend } from "./backend.ts";

/**
 * The formats a weight matrix may be stored in. The quantized ones hold GGML's blocks of 32 values.
 *
 * @category Backends
 */
export type WeightFormat = typeof WEIGHT_FORMATS[number];

/**
 * What a tensor's values are. Weights may be stored in any of them, activations are `f32`, token ids and masks `i32`.
 *
 * @category Backends
 */
export type DType = WeightFormat | "i32";

/**
 * The formats keys and values may be kept in. `f16` holds what is below 65,520 in magnitude, with 11 significant bits;
 * `q8_0`, for heads whose width 32 divides, GGML's blocks of 32 features with an f16 scale and 8 bits each.
 *
 * @category Backends
 */
export type CacheFormat = typeof CACHE_FORMATS[number];

/**
 * Values that live on an engine. Row-major by what `data()` returns; how it lies in memory is the engine's own.
 *
 * @category Backends
 */
export interface Tensor {
  /** Sizes of the dimensions, outermost first. A scalar has none. */
  readonly shape: readonly number[];
  /** The type in which values are stored. */
  readonly dtype: DType;
  /** The engine that holds the values. */
  readonly backend: Backend;
  /**
   * Runs what was recorded and resolves to the values, row-major; `i32` as Int32Array, every other dtype as
   * Float32Array.
   */
  data(): Promise<Float32Array | Int32Array>;
  /** Frees the memory. A second call does nothing; any other use afterwards throws `DisposedError`. */
  dispose(): void;
}

/**
 * Memory that an engine holds for its tensors.
 *
 * @category Backends
 */
export interface MemoryUse {
  /** Bytes in live tensors. */
  readonly bytesInUse: number;
  /** The largest `bytesInUse` so far. */
  readonly peakBytes: number;
  /** Live tensors. */
  readonly tensors: number;
}

/**
 * The memory of an engine: where tensors come from and who frees them.
 *
 * @category Backends
 */
export interface Memory {
  /** Copies values in. The tensor belongs to the scope it is made in, else to the caller. */
  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  /** A tensor of zeros that no scope frees. */
  zeros(shape: readonly number[], dtype: "f32" | "i32"): Tensor;
  /**
   * A weight matrix [out, in] of zeros in the engine's own layout, filled by `writeRows`. No scope frees it.
   *
   * @throws {ConfigError} For a format that is not among the engine's `formats`.
   */
  weight(shape: readonly [number, number], format: WeightFormat): Tensor;
  /**
   * Writes rows of a weight, or of a tensor made by `zeros`: row-major f32 values, which are converted to its format;
   * or rows as a file stores them, which keep their bits where they are of that format already.
   */
  writeRows(weight: Tensor, firstRow: number, rows: Float32Array | StoredRows): void;
  /** Reads rows of a weight or a tensor, row-major in f32. */
  readRows(weight: Tensor, firstRow: number, count: number): Promise<Float32Array>;
  /**
   * Reads rows of a weight as its format stores them, or of a tensor of floats: what `writeRows` takes without a
   * change.
   */
  readStored(weight: Tensor, firstRow: number, count: number): Promise<StoredRows>;
  /**
   * A key or value cache [b, kvHeads, capacity, d] of zeros that no scope frees, filled by `appendCache`, which
   * converts to its format (default "f32").
   */
  cache(shape: readonly number[], format?: CacheFormat): Tensor;
  /** The same values with another shape of the same size, without a copy. */
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  /**
   * Runs `fn`, which must not wait for anything, and frees every tensor made inside except those that it returns (one,
   * an array or a plain object of them).
   */
  scope<T>(fn: () => T): T;
  /** Memory in use. */
  memory(): MemoryUse;
}
