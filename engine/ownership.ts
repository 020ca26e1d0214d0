/**
 * Who owns which tensor: scopes, shared storage, memory accounting. Both engines build on it.
 *
 * @module
 */

import type { BackendInfo } from "../backend/backend.ts";
import type { Result } from "../backend/description/operation.ts";
import { refuse, refuseValue } from "../backend/description/refusals.ts";
import { rows } from "../backend/description/rules.ts";
import { Sizes } from "../backend/description/sizes.ts";
import type { CacheFormat, DType, MemoryUse, Tensor, WeightFormat } from "../backend/memory.ts";
import type { Watched, WatchedCommand } from "../backend/training.ts";
import { isRecord } from "../common/record.ts";
import { formatShape, sizeOf } from "../common/shape.ts";
import { show } from "../common/show.ts";
import { ConfigError, DisposedError, ShapeError } from "../errors.ts";
import { viewOf } from "../formats/format.ts";
import { CACHE_FORMATS, FORMATS } from "../formats/formats.ts";
import { decodeRows, rowBytes, type StoredRows } from "../formats/rows.ts";
import type { Command } from "./commands.ts";
import type { Performing, Unfinished } from "./method.ts";
import { checkSizes, EngineTensor, type Layout, type Owner, type Storage } from "./tensor.ts";

type Observer = (command: WatchedCommand) => void;

const checkViewed = rows("...").bind({ op: "reshape", name: "x", sizes: new Sizes() });

/** Tensors, scopes and memory of an engine; what an engine adds is how it allocates, copies and records. */
export abstract class Ownership<S extends Storage> implements Performing {
  abstract readonly name: "wasm" | "webgpu";
  abstract readonly info: BackendInfo;
  abstract readonly formats: readonly WeightFormat[];

  /** How many tensors have a storage, where it is more than one. */
  readonly #holders = new Map<S, number>();
  /** Tensors that no scope frees. */
  readonly #outside = new Set<EngineTensor<S>>();
  /** Tensors of the scopes that run, the innermost last. */
  readonly #scopes: Set<EngineTensor<S>>[] = [];
  #tensors = 0;
  /** Who watches what is recorded, and what would have been freed meanwhile. */
  #watch: { readonly observer: Observer; readonly kept: EngineTensor<S>[] } | undefined;
  #bytesInUse = 0;
  #peakBytes = 0;
  #disposed = false;

  /**
   * Takes memory for values of a shape.
   *
   * @throws {OutOfMemoryError}
   */
  protected abstract allocate(shape: readonly number[], dtype: DType, layout: Layout): S;
  /** Gives memory back. Commands already recorded may still use it; those recorded later may overwrite it. */
  protected abstract release(storage: S): void;
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
  /**
   * Appends a command to what is to be run.
   *
   * @throws {OutOfMemoryError} If it needs memory that there is not.
   */
  protected abstract append(command: Command<EngineTensor<S>>): void;
  /** Frees all that the engine holds. */
  protected abstract shutDown(): void;
  /** This engine as the owner of its tensors. */
  protected abstract readonly owner: Owner<S>;

  abstract flush(): void;

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

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    checkViewed(x, this);
    const viewed = this.own(x);
    checkSizes("a view", shape);
    if (viewed.size !== sizeOf(shape)) refuse("reshape", "x", viewed.shape, `${sizeOf(shape)} values`);
    const { dtype, layout, storage } = viewed;
    const view = this.#adopt(shape, dtype, layout, storage, this.#innermost);
    this.#holders.set(storage, (this.#holders.get(storage) ?? 1) + 1);
    this.#watch?.observer({ op: "reshape", x, shape: view.shape, out: view });
    return view;
  }

  scope<T>(fn: () => T): T {
    this.checkAlive();
    if (typeof fn !== "function") refuseValue("scope", "fn", fn, "a function");
    const made = new Set<EngineTensor<S>>();
    this.#scopes.push(made);
    let kept: Set<unknown> | undefined;
    try {
      const result = fn();
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new ConfigError("Cannot wait inside a scope: what it made would be freed before it is used");
      }
      kept = tensorsIn(result);
      return result;
    } finally {
      this.#scopes.pop();
      const outer = this.#innermost;
      for (const tensor of made) {
        if (kept?.has(tensor)) tensor.move(outer);
        else tensor.dispose();
      }
    }
  }

  watch<T>(fn: () => T, observer: Observer): Watched<T> {
    this.checkAlive();
    if (typeof observer !== "function") refuseValue("watch", "observer", observer, "a function");
    if (this.#watch) throw new ConfigError("Cannot watch inside of what is watched: let its observer see it");
    const kept: EngineTensor<S>[] = [];
    const release = () => {
      for (const tensor of kept.splice(0)) tensor.dispose();
    };
    this.#watch = { observer, kept };
    try {
      const result = this.scope(fn);
      this.#watch = undefined;
      return { result, release };
    } catch (error) {
      this.#watch = undefined;
      release();
      throw error;
    }
  }

  defer(tensor: EngineTensor<S>): boolean {
    if (!this.#watch) return false;
    tensor.move(this.#outside);
    this.#watch.kept.push(tensor);
    return true;
  }

  /** For engines that have nothing to prepare, and the check of those that have. */
  warmUp(work: () => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.checkAlive();
      if (typeof work !== "function") refuseValue("warmUp", "work", work, "a function");
      resolve();
    });
  }

  memory(): MemoryUse {
    return { bytesInUse: this.#bytesInUse, peakBytes: this.#peakBytes, tensors: this.#tensors };
  }

  dispose(): void {
    if (this.#disposed) return;
    for (const made of [this.#outside, ...this.#scopes]) for (const tensor of made) tensor.dispose();
    this.#disposed = true;
    this.shutDown();
  }

  /** Takes back a disposed tensor; its memory goes when nobody else shares it. */
  forget(tensor: EngineTensor<S>): void {
    this.#tensors -= 1;
    const storage = tensor.storage;
    const holders = this.#holders.get(storage) ?? 1;
    if (holders > 1) {
      if (holders === 2) this.#holders.delete(storage);
      else this.#holders.set(storage, holders - 1);
      return;
    }
    this.#bytesInUse -= storage.bytes;
    this.release(storage);
  }

  /** A result of an operation: uninitialized, belonging to the innermost scope. */
  protected create(shape: readonly number[], dtype: DType = "f32", layout: Layout = "rows"): EngineTensor<S> {
    checkSizes("a result", shape);
    return this.#adoptNew(shape, dtype, layout, this.#innermost);
  }

  /** Appends a command; if that fails, its result is freed. */
  protected record(command: Command<EngineTensor<S>>): void {
    try {
      this.append(command);
    } catch (error) {
      if ("out" in command) command.out.dispose();
      throw error;
    }
  }

  perform(command: Unfinished, result: Result | undefined): EngineTensor<S> | undefined {
    const out = result && this.create(result.shape, result.dtype, result.layout);
    if (out) command.out = out;
    // A description says what a command holds, from which `Command` and `WatchedCommand` derive what is known of it.
    if (out?.size !== 0) this.record(command as unknown as Command<EngineTensor<S>>);
    this.#watch?.observer(command as unknown as WatchedCommand);
    return out;
  }

  /**
   * A tensor as this engine's own.
   *
   * @throws {ConfigError} If it is another engine's, or none.
   */
  own(tensor: unknown): EngineTensor<S> {
    this.checkAlive();
    if (!this.#isOwn(tensor)) {
      throw new ConfigError(
        `Cannot use ${
          tensor instanceof EngineTensor ? "a tensor of another backend" : show(tensor)
        } on ${this.name}: make a tensor of its values with tensor(); data() reads those of another backend's`,
      );
    }
    tensor.checkAlive();
    return tensor;
  }

  get #innermost(): Set<EngineTensor<S>> {
    return this.#scopes.at(-1) ?? this.#outside;
  }

  #isOwn(tensor: unknown): tensor is EngineTensor<S> {
    return tensor instanceof EngineTensor && tensor.backend === this.owner;
  }

  /** @throws {DisposedError} After `dispose()`. */
  protected checkAlive(): void {
    if (this.#disposed) throw this.disposal();
  }

  /** What is said of every use after `dispose()`. */
  protected disposal(): DisposedError {
    return new DisposedError(`Cannot use the ${this.name} backend after it was disposed: create one`);
  }

  #owned(shape: readonly number[], dtype: DType, layout: Layout): EngineTensor<S> {
    this.checkAlive();
    checkSizes(layout === "rows" ? "a tensor" : `a ${layout}`, shape);
    const tensor = this.#adoptNew(shape, dtype, layout, this.#outside);
    return orDispose(tensor, () => this.clear(tensor));
  }

  /** A tensor in memory of its own. */
  #adoptNew(
    shape: readonly number[],
    dtype: DType,
    layout: Layout,
    scope: Set<EngineTensor<S>>,
  ): EngineTensor<S> {
    const storage = this.allocate(shape, dtype, layout);
    this.#bytesInUse += storage.bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytesInUse);
    return this.#adopt(shape, dtype, layout, storage, scope);
  }

  #adopt(
    shape: readonly number[],
    dtype: DType,
    layout: Layout,
    storage: S,
    scope: Set<EngineTensor<S>>,
  ): EngineTensor<S> {
    this.#tensors += 1;
    return new EngineTensor(this.owner, shape, dtype, layout, storage, scope);
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

/** The tensors in what a scope returns: one, an array, a map or a plain object of them, nested. */
function tensorsIn(value: unknown, met = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || met.has(value)) return met;
  met.add(value);
  if (value instanceof EngineTensor) return met;
  const parts = Array.isArray(value)
    ? value
    : value instanceof Map
    ? value.values()
    : isPlainObject(value)
    ? Object.values(value)
    : [];
  for (const part of parts) tensorsIn(part, met);
  return met;
}

function isPlainObject(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
