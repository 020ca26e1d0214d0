/**
 * Tensors made and filled by the host, and read by it: values, weights and caches, in whatever format they are kept.
 *
 * @module
 */

import { refuseValue } from "../backend/description/refusals.ts";
import type { CacheFormat, DType, Tensor, WeightFormat } from "../backend/memory.ts";
import { isRecord } from "../common/record.ts";
import { formatShape, sizeOf } from "../common/shape.ts";
import { show } from "../common/show.ts";
import { ConfigError, ShapeError } from "../errors.ts";
import { viewOf } from "../formats/format.ts";
import { CACHE_FORMATS, FORMATS } from "../formats/formats.ts";
import { decodeRows, rowBytes, type StoredRows } from "../formats/rows.ts";
import { Ownership } from "./ownership.ts";
import { checkSizes, type EngineTensor, type Layout, type Storage } from "./tensor.ts";

/** The memory of an engine as the host sees it; what an engine adds is how it copies. */
export abstract class HostAccess<S extends Storage> extends Ownership<S> {
  abstract readonly formats: readonly WeightFormat[];

  /** Copies row-major values in, in order with the commands recorded so far. */
  protected abstract upload(tensor: EngineTensor<S>, data: Float32Array | Int32Array): void;
  /** Sets all values to zero, in order with the commands recorded so far. */
  protected abstract clear(tensor: EngineTensor<S>): void;
  /** Runs what was recorded and copies rows of the last dimension out. */
  protected abstract download(
    tensor: EngineTensor<S>,
    firstRow: number,
    count: number,
  ): Promise<Float32Array | Int32Array>;
  /** Copies rows in, those of a weight converted to its format, in order with the commands recorded so far. */
  protected abstract uploadRows(tensor: EngineTensor<S>, firstRow: number, rows: Float32Array | Int32Array): void;
  /** Copies rows of a weight in, as its format stores them, in order with the commands recorded so far. */
  protected abstract uploadStored(weight: EngineTensor<S>, firstRow: number, rows: Uint8Array): void;
  /** Runs what was recorded and copies rows of a weight out, as its format stores them. */
  protected abstract downloadStored(weight: EngineTensor<S>, firstRow: number, count: number): Promise<Uint8Array>;

  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    this.checkAlive();
    checkSizes("a tensor", shape);
    if (!(data instanceof Float32Array) && !(data instanceof Int32Array)) {
      throw new ShapeError(
        `Cannot make a tensor of ${Object.prototype.toString.call(data)}: give a Float32Array or an Int32Array`,
      );
    }
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `Cannot make a tensor of shape ${formatShape(shape)}: it holds ${
          sizeOf(shape)
        } values, ${data.length} were given`,
      );
    }
    const tensor = this.create(shape, data instanceof Float32Array ? "f32" : "i32");
    return orDispose(tensor, () => this.upload(tensor, data));
  }

  zeros(shape: readonly number[], dtype: "f32" | "i32"): Tensor {
    if (dtype !== "f32" && dtype !== "i32") refuseValue("zeros", "dtype", dtype, '"f32" or "i32"');
    return this.#owned(shape, dtype, "rows");
  }

  weight(shape: readonly [number, number], format: WeightFormat): Tensor {
    checkSizes("a weight", shape);
    // A caller without types may give any number of sizes.
    const sizes: readonly number[] = shape;
    if (sizes.length !== 2) {
      throw new ShapeError(`Cannot make a weight of shape ${formatShape(sizes)}: expected [out, in]`);
    }
    if (!this.formats.includes(format)) {
      throw new ConfigError(
        `Cannot make a weight of format ${show(format)}: expected ${
          this.formats.join(", ")
        }, the formats of ${this.name}`,
      );
    }
    return this.#owned(shape, format, "weight");
  }

  cache(shape: readonly number[], format: CacheFormat = "f32"): Tensor {
    checkSizes("a cache", shape);
    const [, kvHeads = 0, capacity = 0, dim = 0] = shape;
    if (shape.length !== 4 || kvHeads === 0 || capacity === 0 || dim === 0) {
      throw new ShapeError(
        `Cannot make a cache of shape ${formatShape(shape)}: expected [b, kvHeads, capacity, d], all but b > 0`,
      );
    }
    checkCacheFormat(format, dim);
    return this.#owned(shape, format, "cache");
  }

  writeRows(weight: Tensor, firstRow: number, rows: Float32Array | StoredRows): void {
    const tensor = this.own(weight);
    if (tensor.layout === "cache") throw new ConfigError("Cannot write rows of a cache: use appendCache");
    if (rows instanceof Float32Array) return this.#writeValues(tensor, firstRow, rows);
    if (!isStoredRows(rows)) refuseValue("writeRows", "rows", rows, "a Float32Array, or stored rows { format, bytes }");
    const { format, bytes } = rows;
    const count = wholeRows(bytes.byteLength, rowBytes(FORMATS[format], tensor.width), "bytes");
    if (format === "f32") return this.#writeValues(tensor, firstRow, viewOf(bytes, Float32Array));
    if (tensor.layout === "rows" || format !== tensor.dtype) {
      return this.#writeValues(tensor, firstRow, decodeRows(FORMATS[format], tensor.width, bytes));
    }
    this.#checkRows("write", tensor, firstRow, count);
    if (count > 0) this.uploadStored(tensor, firstRow, bytes);
  }

  #writeValues(tensor: EngineTensor<S>, firstRow: number, rows: Float32Array): void {
    const count = wholeRows(rows.length, tensor.width, "values");
    this.#checkRows("write", tensor, firstRow, count);
    if (count > 0) this.uploadRows(tensor, firstRow, tensor.dtype === "i32" ? Int32Array.from(rows) : rows);
  }

  async readRows(weight: Tensor, firstRow: number, count: number): Promise<Float32Array> {
    const tensor = this.own(weight);
    if (tensor.dtype === "i32") throw new ShapeError("Cannot read rows of an int32 tensor: use data()");
    this.#checkRows("read", tensor, firstRow, count);
    const values = await this.download(tensor, firstRow, count);
    return values instanceof Float32Array ? values : Float32Array.from(values);
  }

  async readStored(weight: Tensor, firstRow: number, count: number): Promise<StoredRows> {
    const tensor = this.own(weight);
    if (tensor.layout === "cache") throw new ConfigError("Cannot read stored rows of a cache: use readRows");
    if (tensor.layout === "rows" || tensor.dtype === "i32") {
      const { buffer, byteOffset, byteLength } = await this.readRows(weight, firstRow, count);
      return { format: "f32", bytes: new Uint8Array(buffer, byteOffset, byteLength) };
    }
    this.#checkRows("read", tensor, firstRow, count);
    return { format: tensor.dtype, bytes: await this.downloadStored(tensor, firstRow, count) };
  }

  /** Reads a tensor whole; `Tensor.data` comes here. */
  async read(tensor: EngineTensor<S>): Promise<Float32Array | Int32Array> {
    return await this.download(this.own(tensor), 0, tensor.rows);
  }

  #owned(shape: readonly number[], dtype: DType, layout: Layout): EngineTensor<S> {
    this.checkAlive();
    checkSizes(layout === "rows" ? "a tensor" : `a ${layout}`, shape);
    const tensor = this.createOutside(shape, dtype, layout);
    return orDispose(tensor, () => this.clear(tensor));
  }

  #checkRows(action: string, { shape, rows }: EngineTensor<S>, firstRow: number, count: number): void {
    const isRange = Number.isSafeInteger(firstRow) && Number.isSafeInteger(count) && firstRow >= 0 && count >= 0;
    if (isRange && firstRow + count <= rows) return;
    throw new ShapeError(
      `Cannot ${action} ${show(count)} rows from ${show(firstRow)} on of a tensor of shape ${
        formatShape(shape)
      }: it has ${rows}; give whole numbers that stay within`,
    );
  }
}

/**
 * How many rows so many values or bytes are.
 *
 * @throws {ShapeError} Unless they are whole ones.
 */
function wholeRows(given: number, each: number, unit: string): number {
  const count = each === 0 ? 0 : given / each;
  if (count * each === given && Number.isInteger(count)) return count;
  throw new ShapeError(`Cannot write ${given} ${unit} into rows of ${each}: give whole rows`);
}

/** Whether rows come as a format stores them. */
function isStoredRows(rows: unknown): rows is StoredRows {
  if (!isRecord(rows)) return false;
  const { format, bytes } = rows;
  return typeof format === "string" && Object.hasOwn(FORMATS, format) && bytes instanceof Uint8Array;
}

/** @throws {ConfigError} For a format that caches don't have, or whose blocks don't divide a head of `dim` features. */
function checkCacheFormat(format: CacheFormat, dim: number): void {
  if (!CACHE_FORMATS.includes(format)) {
    throw new ConfigError(`Cannot make a cache of format ${show(format)}: expected ${CACHE_FORMATS.join(", ")}`);
  }
  const { blockSize } = FORMATS[format];
  if (dim % blockSize !== 0) {
    throw new ConfigError(
      `Cannot make a ${format} cache of heads ${dim} wide: a scale is shared by ${blockSize} features of one head, so ` +
        `${blockSize} must divide the width; use "f16" or "f32"`,
    );
  }
}

/** A tensor that was made just now, once it is filled; if that fails it is freed. */
function orDispose<T extends Tensor>(tensor: T, fill: () => void): T {
  try {
    fill();
    return tensor;
  } catch (error) {
    tensor.dispose();
    throw error;
  }
}
