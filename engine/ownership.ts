/**
 * Who owns which tensor: scopes, shared storage, memory accounting. Both engines build on it.
 *
 * @module
 */
import {
  type BackendInfo,
  type CacheFormat,
  ConfigError,
  DisposedError,
  type DType,
  type MemoryUse,
  ShapeError,
  type Tensor,
  type WeightFormat,
} from "../backend.ts";
import { checkCacheFormat } from "./checks.ts";
import type { Command } from "./commands.ts";
import { checkSizes, EngineTensor, formatShape, type Layout, type Owner, sizeOf, type Storage } from "./tensor.ts";

/** Tensors, scopes and memory of an engine; what an engine adds is how it allocates, copies and records. */
export abstract class Ownership<S extends Storage> {
  abstract readonly name: "wasm" | "webgpu";
  abstract readonly info: BackendInfo;

  readonly #holders = new Map<S, number>();
  readonly #scopes: Set<EngineTensor<S>>[] = [];
  readonly #live = new Set<EngineTensor<S>>();
  #bytesInUse = 0;
  #peakBytes = 0;
  #disposed = false;

  /** Takes memory for values of a shape. @throws {OutOfMemoryError} */
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
  /** Copies rows in, converting them to the tensor's format, in order with the commands recorded so far. */
  protected abstract uploadRows(tensor: EngineTensor<S>, firstRow: number, rows: Float32Array): void;
  /** Appends a command to what is to be run. @throws {OutOfMemoryError} if it needs memory that there is not */
  protected abstract append(command: Command<EngineTensor<S>>): void;
  /** Frees all that the engine holds. */
  protected abstract shutDown(): void;
  /** This engine as the owner of its tensors. */
  protected abstract readonly owner: Owner<S>;

  abstract flush(): void;

  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
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
    this.upload(tensor, data);
    return tensor;
  }

  zeros(shape: readonly number[], dtype: "f32" | "i32"): Tensor {
    return this.#owned(shape, dtype, "rows");
  }

  weight(shape: readonly [number, number], format: WeightFormat): Tensor {
    return this.#owned(shape, format, "weight");
  }

  cache(shape: readonly number[], format: CacheFormat = "f32"): Tensor {
    if (shape.length !== 4) {
      throw new ShapeError(`Cannot make a cache of shape ${formatShape(shape)}: expected [b, kvHeads, capacity, d]`);
    }
    checkCacheFormat(format, shape[3] ?? 0);
    return this.#owned(shape, format, "cache");
  }

  writeRows(weight: Tensor, firstRow: number, rows: Float32Array): void {
    const tensor = this.own(weight);
    if (tensor.layout === "cache") throw new ConfigError("Cannot write rows of a cache: use appendCache");
    const count = rows.length / tensor.width;
    if (!Number.isInteger(count)) {
      throw new ShapeError(`Cannot write ${rows.length} values into rows of ${tensor.width}: give whole rows`);
    }
    this.#checkRows("write", tensor, firstRow, count);
    if (count > 0) this.uploadRows(tensor, firstRow, rows);
  }

  async readRows(weight: Tensor, firstRow: number, count: number): Promise<Float32Array> {
    const tensor = this.own(weight);
    this.#checkRows("read", tensor, firstRow, count);
    const values = await this.download(tensor, firstRow, count);
    if (values instanceof Int32Array) throw new ShapeError("Cannot read rows of an int32 tensor: use data()");
    return values;
  }

  /** Reads a tensor whole; `Tensor.data` comes here. */
  async read(tensor: EngineTensor<S>): Promise<Float32Array | Int32Array> {
    return await this.download(this.own(tensor), 0, tensor.rows);
  }

  scope<T>(fn: () => T): T {
    this.checkAlive();
    const made = new Set<EngineTensor<S>>();
    this.#scopes.push(made);
    let kept: Set<unknown> | undefined;
    try {
      const result = fn();
      if (result instanceof Promise) {
        throw new ConfigError("Cannot wait inside a scope: what it made would be freed before it is used");
      }
      kept = tensorsIn(result);
      return result;
    } finally {
      this.#scopes.pop();
      const outer = this.#scopes.at(-1);
      for (const tensor of made) {
        if (kept?.has(tensor)) outer?.add(tensor);
        else tensor.dispose();
      }
    }
  }

  /** For engines that have nothing to prepare. */
  warmUp(_work: () => unknown): Promise<void> {
    this.checkAlive();
    return Promise.resolve();
  }

  memory(): MemoryUse {
    return { bytesInUse: this.#bytesInUse, peakBytes: this.#peakBytes, tensors: this.#live.size };
  }

  dispose(): void {
    if (this.#disposed) return;
    for (const tensor of this.#live) tensor.dispose();
    this.#disposed = true;
    this.shutDown();
  }

  /** Takes back a disposed tensor; its memory goes when nobody else shares it. */
  forget(tensor: EngineTensor<S>): void {
    this.#live.delete(tensor);
    for (const scope of this.#scopes) scope.delete(tensor);
    const storage = tensor.storage;
    const holders = (this.#holders.get(storage) ?? 1) - 1;
    if (holders > 0) {
      this.#holders.set(storage, holders);
      return;
    }
    this.#holders.delete(storage);
    this.#bytesInUse -= storage.bytes;
    this.release(storage);
  }

  /** A result of an operation: uninitialised, belonging to the innermost scope. */
  protected create(shape: readonly number[], dtype: DType = "f32", layout: Layout = "rows"): EngineTensor<S> {
    this.checkAlive();
    return this.#adopt(shape, dtype, layout, this.allocate(shape, dtype, layout), this.#scopes.at(-1));
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

  /** Another shape over the same storage. */
  protected view(x: EngineTensor<S>, shape: readonly number[]): EngineTensor<S> {
    return this.#adopt(shape, x.dtype, x.layout, x.storage, this.#scopes.at(-1));
  }

  /** A tensor as this engine's own. @throws {ConfigError} if it is another engine's */
  protected own(tensor: Tensor): EngineTensor<S> {
    this.checkAlive();
    if (!(tensor instanceof EngineTensor) || tensor.backend !== this.owner) {
      throw new ConfigError(
        `Cannot use a tensor of another backend on ${this.name}: read it with data() and make it anew with tensor()`,
      );
    }
    tensor.checkAlive();
    return tensor;
  }

  /** @throws {DisposedError} after `dispose()` */
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
    const tensor = this.#adopt(shape, dtype, layout, this.allocate(shape, dtype, layout), undefined);
    this.clear(tensor);
    return tensor;
  }

  #adopt(
    shape: readonly number[],
    dtype: DType,
    layout: Layout,
    storage: S,
    scope: Set<EngineTensor<S>> | undefined,
  ): EngineTensor<S> {
    const tensor = new EngineTensor(this.owner, [...shape], dtype, layout, storage);
    const holders = this.#holders.get(storage) ?? 0;
    this.#holders.set(storage, holders + 1);
    if (holders === 0) this.#bytesInUse += storage.bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytesInUse);
    this.#live.add(tensor);
    scope?.add(tensor);
    return tensor;
  }

  #checkRows(action: string, tensor: EngineTensor<S>, firstRow: number, count: number): void {
    const isRange = Number.isSafeInteger(firstRow) && Number.isSafeInteger(count) && firstRow >= 0 && count >= 0;
    if (!isRange || firstRow + count > tensor.rows) {
      throw new ShapeError(
        `Cannot ${action} rows ${firstRow} to ${firstRow + count} of a tensor of shape ${formatShape(tensor.shape)}: ` +
          `it has ${tensor.rows}`,
      );
    }
  }
}

/** The tensors in what a scope returns: one, an array or a plain object of them, nested. */
function tensorsIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (value instanceof EngineTensor) found.add(value);
  else if (Array.isArray(value)) { for (const item of value) tensorsIn(item, found); }
  else if (value instanceof Map) { for (const item of value.values()) tensorsIn(item, found); }
  else if (isPlainObject(value)) { for (const item of Object.values(value)) tensorsIn(item, found); }
  return found;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
