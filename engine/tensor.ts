/**
 * Tensors as the engines hold them: a shape over storage that several tensors may share.
 *
 * @module
 */
import { type Backend, DisposedError, type DType, ShapeError, type Tensor } from "../backend.ts";

/** How values lie in memory: row by row, in the engine's own layout for weights, or as a key/value cache. */
export type Layout = "rows" | "weight" | "cache";

/** Memory behind tensors; what else it holds is the engine's own. */
export interface Storage {
  /** Bytes that the engine took for it. */
  readonly bytes: number;
}

/** What a tensor needs of the engine that made it. */
export interface Owner<S extends Storage> extends Backend {
  /** Reads a tensor's values, row-major. */
  read(tensor: EngineTensor<S>): Promise<Float32Array | Int32Array>;
  /** Takes back a tensor that was disposed. */
  forget(tensor: EngineTensor<S>): void;
}

/** A tensor of an engine whose memory is described by `S`. */
export class EngineTensor<S extends Storage> implements Tensor {
  #storage: S | undefined;

  /** A view of `storage`; made by engines only. */
  constructor(
    readonly backend: Owner<S>,
    readonly shape: readonly number[],
    readonly dtype: DType,
    readonly layout: Layout,
    storage: S,
  ) {
    this.#storage = storage;
  }

  /** The memory. @throws {DisposedError} after `dispose()` */
  get storage(): S {
    return this.#storage ?? this.#refuse();
  }

  /** @throws {DisposedError} after `dispose()` */
  checkAlive(): void {
    if (this.#storage === undefined) this.#refuse();
  }

  data(): Promise<Float32Array | Int32Array> {
    return this.backend.read(this);
  }

  dispose(): void {
    if (this.#storage === undefined) return;
    this.backend.forget(this);
    this.#storage = undefined;
  }

  /** Number of values. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Rows of the last dimension. */
  get rows(): number {
    return sizeOf(this.shape.slice(0, -1));
  }

  /** Size of the last dimension; 1 for a scalar. */
  get width(): number {
    return this.shape.at(-1) ?? 1;
  }

  #refuse(): never {
    throw new DisposedError(
      `Cannot use a tensor of shape ${
        formatShape(this.shape)
      } after it was disposed: keep it alive by returning it from ` +
        `its scope, or dispose of it later`,
    );
  }
}

/** Product of the sizes. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as people write it: `[2, 33, 48]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** @throws {ShapeError} if a size is not a whole number of at least 0 */
export function checkSizes(what: string, shape: readonly number[]): void {
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new ShapeError(`Cannot make ${what} of shape ${formatShape(shape)}: sizes must be whole numbers >= 0`);
    }
  }
}
